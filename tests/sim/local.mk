# The simulator: the real programs down to their devices, over a modelled world (tests/sim/README.md).

# Their system calls go to the model; two programs have functions of the same name.
SIM_PGD_FLAGS = -Dopen=sim_open -Dauthority_adopt=pgd_authority_adopt \
	-Dauthority_revoke=pgd_authority_revoke
SIM_FENCE_FLAGS = -Dopenat=sim_openat -Dpread=sim_pread
SIM_WATCHDOG_FLAGS = -Dclock_gettime=sim_clock_gettime -Dreboot=sim_reboot

# The libraries of the suite once more, with small tables: a cluster's state is copied at every step.
SIM_CPPFLAGS = $(AM_CPPFLAGS) -DSMALL_LIMITS

SIM_LIBS = tests/sim/libsimpgd.a tests/sim/libsimfence.a tests/sim/libsimwatchdog.a \
	tests/sim/libsimconfig.a tests/sim/libsim.a
check_LIBRARIES += $(SIM_LIBS)
tests_sim_libsim_a_SOURCES = $(lib_libdecide_a_SOURCES) $(lib_libwire_a_SOURCES) \
	$(lib_libmodel_a_SOURCES) $(lib_libbase_a_SOURCES)
tests_sim_libsim_a_CPPFLAGS = $(SIM_CPPFLAGS)
tests_sim_libsimconfig_a_SOURCES = $(lib_libconfig_a_SOURCES)
tests_sim_libsimconfig_a_CPPFLAGS = $(SIM_CPPFLAGS)
tests_sim_libsimpgd_a_SOURCES = \
	daemons/pgd/adopt.c \
	daemons/pgd/authority.c \
	daemons/pgd/callback.c \
	daemons/pgd/conninfo.c \
	daemons/pgd/control.c \
	daemons/pgd/engine.c \
	daemons/pgd/heartbeat.c \
	daemons/pgd/pgd.c \
	daemons/pgd/plan.c \
	daemons/pgd/source.c \
	daemons/pgd/step-run.c \
	daemons/pgd/step-start.c
tests_sim_libsimpgd_a_CPPFLAGS = $(SIM_CPPFLAGS) $(SIM_PGD_FLAGS)
tests_sim_libsimfence_a_SOURCES = \
	fence/fenced.c \
	fence/plan.c \
	fence/ward.c
tests_sim_libsimfence_a_CPPFLAGS = $(SIM_CPPFLAGS) $(SIM_FENCE_FLAGS)
tests_sim_libsimwatchdog_a_SOURCES = \
	watchdogd/choose.c \
	watchdogd/factor.c \
	watchdogd/petter.c \
	watchdogd/policy.c
tests_sim_libsimwatchdog_a_CPPFLAGS = $(SIM_CPPFLAGS) $(SIM_WATCHDOG_FLAGS)

check_PROGRAMS += tests/sim/palisade-sim
tests_sim_palisade_sim_SOURCES = \
	tests/sim/apid.c \
	tests/sim/call.c \
	tests/sim/checks.c \
	tests/sim/child.c tests/sim/child.h \
	tests/sim/dcsd.c tests/sim/dcsd.h \
	tests/sim/etcd.c tests/sim/etcd.h \
	tests/sim/errors.c tests/sim/errors.h \
	tests/sim/faults.c \
	tests/sim/fds.h \
	tests/sim/fenced.c \
	tests/sim/lease.c \
	tests/sim/main.c \
	tests/sim/mind.c \
	tests/sim/pgd.c \
	tests/sim/pgd-server.c \
	tests/sim/postgres.c tests/sim/postgres.h \
	tests/sim/schedule.c \
	tests/sim/seeds.c \
	tests/sim/seams.c \
	tests/sim/shrink.c \
	tests/sim/sim.h \
	tests/sim/sweep.c tests/sim/sweep.h \
	tests/sim/tools.c \
	tests/sim/view.c \
	tests/sim/wal.c \
	tests/sim/watchdogd.c \
	tests/sim/wishes.c \
	tests/sim/world.c \
	lib/io/link-send.c \
	daemons/dcsd/base64.c \
	daemons/dcsd/body.c \
	daemons/dcsd/doubt.c \
	daemons/dcsd/errors.c \
	daemons/dcsd/health.c \
	daemons/dcsd/paths.c \
	daemons/dcsd/policy.c \
	daemons/dcsd/reply.c \
	daemons/dcsd/wish.c \
	daemons/palisaded/api.c \
	daemons/palisaded/authority.c \
	daemons/palisaded/bar.c \
	daemons/palisaded/duties.c \
	daemons/palisaded/explain.c \
	daemons/palisaded/failsafe.c \
	daemons/palisaded/handover.c \
	daemons/palisaded/hands.c \
	daemons/palisaded/member.c \
	daemons/palisaded/orders.c \
	daemons/palisaded/palisaded.c \
	daemons/palisaded/pause.c \
	daemons/palisaded/probe.c \
	daemons/palisaded/race.c \
	daemons/palisaded/reinit.c \
	daemons/palisaded/restart.c \
	daemons/palisaded/timing.c \
	daemons/palisaded/twin.c \
	daemons/palisaded/unsync.c \
	daemons/palisaded/vips.c \
	daemons/palisaded/watchdog.c
tests_sim_palisade_sim_CPPFLAGS = $(SIM_CPPFLAGS)
tests_sim_palisade_sim_LDADD = $(SIM_LIBS) $(CONFIG_LDADD)

dist_check_SCRIPTS += tests/sim/test-sim
TESTS += tests/sim/test-sim
dist_check_SCRIPTS += tests/sim/mutants
EXTRA_DIST += tests/sim/cases tests/sim/mutants.list tests/sim/mutants.seeds tests/sim/README.md tests/sim/ASSUMPTIONS.md
