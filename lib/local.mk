# Layers, lowest first; tests/lint checks that includes point downward only.

noinst_LIBRARIES += lib/libbase.a lib/libmodel.a lib/libwire.a lib/libdecide.a lib/libconfig.a \
	lib/libio.a

lib_libbase_a_SOURCES = \
	lib/base/log-form.c lib/base/log-form.h \
	lib/base/lsn.c lib/base/lsn.h \
	lib/base/macros.h \
	lib/base/stall.c lib/base/stall.h \
	lib/base/str.c lib/base/str.h \
	lib/base/table.h \
	lib/base/usec.c lib/base/usec.h \
	lib/base/utf8.c lib/base/utf8.h

lib_libmodel_a_SOURCES = \
	lib/model/cluster.c lib/model/cluster.h \
	lib/model/copy-progress.c lib/model/copy-progress.h \
	lib/model/history.c lib/model/history.h \
	lib/model/limits.h \
	lib/model/member.c lib/model/member.h \
	lib/model/names.c lib/model/names.h \
	lib/model/peer.h \
	lib/model/pending.c lib/model/pending.h \
	lib/model/pg.c lib/model/pg.h \
	lib/model/restart.c lib/model/restart.h \
	lib/model/settings.c lib/model/settings.h \
	lib/model/timing.c lib/model/timing.h

lib_libwire_a_SOURCES = \
	lib/wire/msg.h lib/wire/msg-api.h lib/wire/msg-base.h lib/wire/msg-dcs.h \
	lib/wire/msg-fence.h lib/wire/msg-pg.h lib/wire/msg-watchdog.h \
	lib/wire/names.c \
	lib/wire/wire.c lib/wire/wire.h

lib_libdecide_a_SOURCES = \
	lib/decide/actuate.c lib/decide/actuate.h \
	lib/decide/facts.c lib/decide/facts.h \
	lib/decide/failsafe.c lib/decide/failsafe.h \
	lib/decide/permit.c lib/decide/permit.h \
	lib/decide/quorum.c lib/decide/quorum.h \
	lib/decide/rank.c lib/decide/rank.h \
	lib/decide/restart.c lib/decide/restart.h \
	lib/decide/rules.c lib/decide/rules.h \
	lib/decide/schedule.c lib/decide/schedule.h \
	lib/decide/snapshot.c lib/decide/snapshot.h \
	lib/decide/switchover.c lib/decide/switchover.h \
	lib/decide/vip.c lib/decide/vip.h \
	lib/decide/sync.c lib/decide/sync.h \
	lib/decide/sync-names.c lib/decide/sync-names.h \
	lib/decide/words.c lib/decide/words.h

lib_libconfig_a_SOURCES = \
	lib/config/environment.c lib/config/environment.h \
	lib/config/hostport.c lib/config/hostport.h \
	lib/config/json.c lib/config/json.h \
	lib/config/keys.c lib/config/keys.h \
	lib/config/later.c lib/config/later.h \
	lib/config/log-node.c lib/config/log-node.h \
	lib/config/pending-node.c lib/config/pending-node.h \
	lib/config/slots-node.c lib/config/slots-node.h \
	lib/config/restart-node.c lib/config/restart-node.h \
	lib/config/schema.c lib/config/schema.h \
	lib/config/tree.c lib/config/tree.h \
	lib/config/yaml.c lib/config/yaml.h

lib_libio_a_SOURCES = \
	lib/io/cgroup.c lib/io/cgroup.h \
	lib/io/cgroup-kill.c lib/io/cgroup-kill.h \
	lib/io/config.c lib/io/config.h \
	lib/io/events.h \
	lib/io/fdutil.c lib/io/fdutil.h \
	lib/io/hand.c lib/io/hand.h \
	lib/io/link.c lib/io/link.h \
	lib/io/link-send.c \
	lib/io/listen.c lib/io/listen.h \
	lib/io/log.c lib/io/log.h \
	lib/io/loop.c lib/io/loop.h \
	lib/io/program.c lib/io/program.h \
	lib/io/store.c lib/io/store.h \
	lib/io/turn.c lib/io/turn.h \
	lib/io/worker.c lib/io/worker.h

# What a daemon links, in this order; libconfig and its parsers come along only where used.
IO_LIBS = lib/libio.a lib/libwire.a lib/libconfig.a lib/libmodel.a lib/libbase.a
IO_LDADD = $(IO_LIBS) $(SYSTEMD_LIBS)
CONFIG_LDADD = $(YAJL_LIBS) $(YAML_LIBS)
