# Allocations and descriptors that run out: `make check` builds the parts, ./check runs them.
EXTRA_DIST += tests/exhaust/run
check_PROGRAMS += tests/exhaust/mind tests/exhaust/shim.so
tests_exhaust_mind_SOURCES = tests/exhaust/mind.c
tests_exhaust_mind_LDADD = lib/libwire.a lib/libmodel.a lib/libbase.a
# No libtool: one object, linked as what can be preloaded. Sanitizers bring their own allocator.
tests_exhaust_shim_so_SOURCES = tests/exhaust/shim.c
tests_exhaust_shim_so_CFLAGS = -std=gnu11 -fPIC -fno-builtin
tests_exhaust_shim_so_LDFLAGS = -shared -ldl
