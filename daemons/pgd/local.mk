sbin_PROGRAMS += palisade-pgd
# Pure: texts and plans, no system calls. Unit tests link these alone.
PGD_PURE = \
	daemons/pgd/archive.c daemons/pgd/archive.h \
	daemons/pgd/callback.c daemons/pgd/callback.h \
	daemons/pgd/conninfo.c daemons/pgd/conninfo.h \
	daemons/pgd/control.c daemons/pgd/control.h \
	daemons/pgd/divergence.c daemons/pgd/divergence.h \
	daemons/pgd/logical.c daemons/pgd/logical.h \
	daemons/pgd/methods.c daemons/pgd/methods.h \
	daemons/pgd/pgconf.c daemons/pgd/pgconf.h \
	daemons/pgd/pending-show.c daemons/pgd/pending.h \
	daemons/pgd/plan.c daemons/pgd/plan.h \
	daemons/pgd/restore.c daemons/pgd/restore.h \
	daemons/pgd/roles.c daemons/pgd/roles.h \
	daemons/pgd/slots.c daemons/pgd/slots-wanted.c daemons/pgd/slots.h \
	daemons/pgd/source.c daemons/pgd/source.h \
	daemons/pgd/trouble.c daemons/pgd/trouble.h \
	daemons/pgd/verify-read.c daemons/pgd/verify.h \
	daemons/pgd/words.c daemons/pgd/words.h
palisade_pgd_SOURCES = $(PGD_PURE) \
	daemons/pgd/adopt.c \
	daemons/pgd/authority.c \
	daemons/pgd/chores.c daemons/pgd/chores.h \
	daemons/pgd/conn.c daemons/pgd/conn.h \
	daemons/pgd/copies.c daemons/pgd/copies.h \
	daemons/pgd/engine.c \
	daemons/pgd/fetch.c \
	daemons/pgd/files.c \
	daemons/pgd/files-backup.c \
	daemons/pgd/heartbeat.c \
	daemons/pgd/launch.c daemons/pgd/launch.h daemons/pgd/launch-internal.h \
	daemons/pgd/links.c daemons/pgd/links.h \
	daemons/pgd/logical-files.c \
	daemons/pgd/logical-run.c daemons/pgd/logical-run.h \
	daemons/pgd/look.c \
	daemons/pgd/main.c \
	daemons/pgd/pending.c \
	daemons/pgd/pgd.c daemons/pgd/pgd.h \
	daemons/pgd/private.c daemons/pgd/private.h \
	daemons/pgd/probe.c daemons/pgd/probe.h \
	daemons/pgd/programs.c daemons/pgd/programs.h \
	daemons/pgd/run.c \
	daemons/pgd/scripts.c daemons/pgd/scripts.h \
	daemons/pgd/server.c daemons/pgd/server.h \
	daemons/pgd/settings.c \
	daemons/pgd/step-archive.c \
	daemons/pgd/step-bootstrap.c daemons/pgd/step-bootstrap.h \
	daemons/pgd/step-check.c \
	daemons/pgd/step-clone.c \
	daemons/pgd/step-remove.c \
	daemons/pgd/step-restore.c \
	daemons/pgd/step-rewind.c \
	daemons/pgd/step-run.c \
	daemons/pgd/step-start.c \
	daemons/pgd/tool.c \
	daemons/pgd/verify.c
palisade_pgd_LDADD = $(IO_LDADD) $(CONFIG_LDADD) $(PQ_LIBS)
