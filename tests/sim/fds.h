/* fds: numbers that stand for descriptors in the model. */
#pragma once

#define FD_SOCKET 100
#define FD_LEAF 1000   /* + index into Host.leaves */
#define FD_EVENTS 2000 /* + the same: its cgroup.events */
#define FD_MAP 3000    /* + the same: the map of its gate */
#define FD_DEVICE 4000
