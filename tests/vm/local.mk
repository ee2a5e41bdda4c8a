# The petter in virtual machines: ./check runs it; its helpers are compiled by itself, statically.
EXTRA_DIST += \
	tests/vm/README.md \
	tests/vm/bmc.py \
	tests/vm/cases.py \
	tests/vm/image.py \
	tests/vm/init \
	tests/vm/keeper.c \
	tests/vm/load.c \
	tests/vm/machine.py \
	tests/vm/mind.c \
	tests/vm/run
