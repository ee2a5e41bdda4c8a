# How exactly the gate closes. It needs root, so `make check` builds it only; ./check runs it.
check_PROGRAMS += tests/bench/gate
tests_bench_gate_SOURCES = tests/bench/gate.c fence/gate.c fence/gate.h tests/own-cgroups.h
tests_bench_gate_LDADD = $(IO_LDADD)
