# `make check`: seconds, alone, without root, network, Postgres or etcd.

include tests/lab/local.mk

UNIT_LIBS = lib/libdecide.a lib/libio.a lib/libwire.a lib/libconfig.a lib/libmodel.a lib/libbase.a \
	$(SYSTEMD_LIBS) $(YAJL_LIBS) $(YAML_LIBS) $(CMOCKA_LIBS)

include tests/unit/api.mk
include tests/unit/ctl.mk
include tests/unit/dcsd.mk
include tests/decide/local.mk
include tests/sim/local.mk
include tests/lint/local.mk
include tests/unit/lib.mk
include tests/unit/palisaded.mk
include tests/unit/pgd.mk
include tests/unit/fence.mk
include tests/unit/watchdogd.mk
include tests/bench/local.mk
include tests/vm/local.mk
include tests/fuzz/local.mk
include tests/exhaust/local.mk

# Lines run of what decides, per file; in a folder of its own, with counters.
dist_check_SCRIPTS += tests/coverage
.PHONY: coverage
coverage:
	$(srcdir)/tests/coverage $(abs_builddir)/coverage
clean-local:
	rm -rf coverage
