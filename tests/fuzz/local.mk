# Fuzz targets. `make check` replays their seeds and every input that once crashed one; configured with
# --enable-fuzzing (clang), the same programs are libFuzzer's (tests/fuzz/run).
EXTRA_DIST += tests/fuzz/run tests/fuzz/README.md tests/fuzz/seeds tests/fuzz/crashes
dist_check_SCRIPTS += tests/fuzz/test-replay

.PHONY: fuzz-targets
fuzz-targets: $(FUZZ_TARGETS)
if FUZZING
FUZZ_MAIN = tests/fuzz/fuzz.h
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
else
FUZZ_MAIN = tests/fuzz/fuzz.h tests/fuzz/replay.c
FUZZ_LINK = $(AM_LDFLAGS)
endif

if HAVE_CMOCKA

FUZZ_TARGETS = \
	tests/fuzz/fuzz-api \
	tests/fuzz/fuzz-arp \
	tests/fuzz/fuzz-cluster \
	tests/fuzz/fuzz-ctl \
	tests/fuzz/fuzz-etcd \
	tests/fuzz/fuzz-ipmi \
	tests/fuzz/fuzz-json \
	tests/fuzz/fuzz-links \
	tests/fuzz/fuzz-peer \
	tests/fuzz/fuzz-pgconf \
	tests/fuzz/fuzz-postgres \
	tests/fuzz/fuzz-sockets \
	tests/fuzz/fuzz-wire \
	tests/fuzz/fuzz-yaml

check_PROGRAMS += $(FUZZ_TARGETS)
if !FUZZING
TESTS += tests/fuzz/test-replay
endif

tests_fuzz_fuzz_api_SOURCES = tests/fuzz/fuzz-api.c $(API_SCENES) $(FUZZ_MAIN)
tests_fuzz_fuzz_api_LDADD = tests/unit/libapid.a $(UNIT_LIBS)
tests_fuzz_fuzz_api_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_arp_SOURCES = tests/fuzz/fuzz-arp.c $(FUZZ_MAIN)
tests_fuzz_fuzz_arp_LDADD = tests/unit/libfence.a $(UNIT_LIBS)
tests_fuzz_fuzz_arp_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_cluster_SOURCES = tests/fuzz/fuzz-cluster.c $(FUZZ_MAIN)
tests_fuzz_fuzz_cluster_LDADD = tests/unit/libapid.a tests/unit/libdcsd.a $(UNIT_LIBS)
tests_fuzz_fuzz_cluster_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_ctl_SOURCES = tests/fuzz/fuzz-ctl.c $(FUZZ_MAIN)
tests_fuzz_fuzz_ctl_LDADD = tests/unit/libctl.a $(UNIT_LIBS) $(CURL_LIBS) $(PQ_LIBS)
tests_fuzz_fuzz_ctl_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_etcd_SOURCES = tests/fuzz/fuzz-etcd.c $(FUZZ_MAIN)
tests_fuzz_fuzz_etcd_LDADD = tests/unit/libdcsd.a $(UNIT_LIBS)
tests_fuzz_fuzz_etcd_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_ipmi_SOURCES = tests/fuzz/fuzz-ipmi.c $(FUZZ_MAIN)
tests_fuzz_fuzz_ipmi_LDADD = tests/unit/libwatchdogd.a $(UNIT_LIBS)
tests_fuzz_fuzz_ipmi_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_json_SOURCES = tests/fuzz/fuzz-json.c $(FUZZ_MAIN)
tests_fuzz_fuzz_json_LDADD = tests/unit/libctl.a $(UNIT_LIBS)
tests_fuzz_fuzz_json_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_links_SOURCES = tests/fuzz/fuzz-links.c $(FUZZ_MAIN)
tests_fuzz_fuzz_links_LDADD = tests/unit/libfence.a $(UNIT_LIBS) $(NL_LIBS)
tests_fuzz_fuzz_links_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_peer_SOURCES = tests/fuzz/fuzz-peer.c $(FUZZ_MAIN)
tests_fuzz_fuzz_peer_LDADD = tests/unit/libdcsd.a $(UNIT_LIBS)
tests_fuzz_fuzz_peer_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_pgconf_SOURCES = tests/fuzz/fuzz-pgconf.c $(FUZZ_MAIN)
tests_fuzz_fuzz_pgconf_LDADD = tests/unit/libpgd.a $(UNIT_LIBS)
tests_fuzz_fuzz_pgconf_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_postgres_SOURCES = tests/fuzz/fuzz-postgres.c $(FUZZ_MAIN)
tests_fuzz_fuzz_postgres_LDADD = tests/unit/libpgd.a $(UNIT_LIBS)
tests_fuzz_fuzz_postgres_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_sockets_SOURCES = tests/fuzz/fuzz-sockets.c $(FUZZ_MAIN)
tests_fuzz_fuzz_sockets_LDADD = tests/unit/libfence.a $(UNIT_LIBS) $(NL_LIBS)
tests_fuzz_fuzz_sockets_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/fuzz-wire.c $(FUZZ_MAIN)
tests_fuzz_fuzz_wire_LDADD = tests/unit/libapid.a tests/unit/libpgd.a $(UNIT_LIBS)
tests_fuzz_fuzz_wire_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_yaml_SOURCES = tests/fuzz/fuzz-yaml.c $(FUZZ_MAIN)
tests_fuzz_fuzz_yaml_LDADD = tests/unit/libctl.a $(UNIT_LIBS)
tests_fuzz_fuzz_yaml_LDFLAGS = $(FUZZ_LINK)

endif
