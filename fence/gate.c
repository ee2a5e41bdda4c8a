#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fence/gate.h"
#include "io/fdutil.h"

#define MAP_SIZE 4096 /* a page: what the kernel maps of an array of one */
#define PROGRAMS_MAX 8

struct Gate {
        int map_fd;
        uint64_t *deadline_nsec;
        bool replaced;
};

static int bpf(int command, union bpf_attr *attr)
{
        long r = syscall(SYS_bpf, command, attr, sizeof *attr);

        return r < 0 ? -errno : (int)r;
}

/* ---- the program ---- */

#define IP6_HEADER 40
#define TCP_RST 0x04

/* Registers: r0 answer of a call, r1-r5 arguments, r6 the packet, r7 length of headers, r10 stack. */
#define OP(c, dst, src, o, i) { .code = (c), .dst_reg = (dst), .src_reg = (src), .off = (o), .imm = (i) }
#define MOV(dst, src) OP(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define MOV_IMM(dst, i) OP(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, i)
#define ALU_IMM(op, dst, i) OP(BPF_ALU64 | (op) | BPF_K, dst, 0, 0, i)
#define ADD(dst, src) OP(BPF_ALU64 | BPF_ADD | BPF_X, dst, src, 0, 0)
#define LOAD(size, dst, src, o) OP(BPF_LDX | BPF_MEM | (size), dst, src, o, 0)
#define JUMP_IMM(op, dst, i, o) OP(BPF_JMP | (op) | BPF_K, dst, 0, o, i)
#define JUMP(op, dst, src, o) OP(BPF_JMP | (op) | BPF_X, dst, src, o, 0)
#define CALL(helper) OP(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define EXIT() OP(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define MAP_VALUE(dst, fd) OP(BPF_LD | BPF_DW | BPF_IMM, dst, BPF_PSEUDO_MAP_VALUE, 0, fd), OP(0, 0, 0, 0, 0)

/* n bytes of the packet, counted from its IP header (offset in r2), to the stack at r10 + at. */
#define FETCH(at, n)                                                                               \
        MOV(1, 6), MOV(3, 10), ALU_IMM(BPF_ADD, 3, at), MOV_IMM(4, n), CALL(BPF_FUNC_skb_load_bytes)

/*
 * The whole of it. Kernels have given cgroup programs bpf_ktime_get_boot_ns() since 5.8 and mapped
 * arrays since 5.5. A jump counts instructions behind the next one; where it goes stands beside it.
 */
static int load(int map_fd)
{
        const struct bpf_insn program[] = {
                /*  0 */ MOV(6, 1),
                /*  1 */ MAP_VALUE(1, map_fd),
                /*  3 */ LOAD(BPF_DW, 8, 1, 0), /* r8 = the deadline */
                /*  4 */ CALL(BPF_FUNC_ktime_get_boot_ns),
                /*  5 */ JUMP(BPF_JGT, 0, 8, 2), /* now > deadline: 8 */
                /*  6 */ MOV_IMM(0, 1),
                /*  7 */ EXIT(),

                /* Late: only a TCP RST may pass. r7 = where its header begins, r8 = the protocol. */
                /*  8 */ LOAD(BPF_W, 7, 6, offsetof(struct __sk_buff, protocol)),
                /*  9 */ JUMP_IMM(BPF_JEQ, 7, htons(ETH_P_IPV6), 13), /* 23 */
                /* 10 */ JUMP_IMM(BPF_JNE, 7, htons(ETH_P_IP), 31),   /* 42 */

                /* IPv4: the protocol is the tenth byte; the first tells how long the header is. */
                /* 11 */ MOV_IMM(2, 0),
                /* 12 */ FETCH(-16, 10),
                /* 17 */ JUMP_IMM(BPF_JNE, 0, 0, 24), /* 42 */
                /* 18 */ LOAD(BPF_B, 8, 10, -16 + 9),
                /* 19 */ LOAD(BPF_B, 7, 10, -16),
                /* 20 */ ALU_IMM(BPF_AND, 7, 0x0f),
                /* 21 */ ALU_IMM(BPF_LSH, 7, 2),
                /* 22 */ JUMP_IMM(BPF_JA, 0, 0, 8), /* 31 */

                /* IPv6: the next header is the seventh byte; one with extensions is dropped. */
                /* 23 */ MOV_IMM(2, 6),
                /* 24 */ FETCH(-16, 1),
                /* 29 */ LOAD(BPF_B, 8, 10, -16),
                /* 30 */ MOV_IMM(7, IP6_HEADER),

                /* TCP: where its payload begins, and its flags, are the bytes 12 and 13. */
                /* 31 */ JUMP_IMM(BPF_JNE, 8, IPPROTO_TCP, 10), /* 42 */
                /* 32 */ MOV(2, 7),
                /* 33 */ ALU_IMM(BPF_ADD, 2, 12),
                /* 34 */ FETCH(-8, 2),
                /* 39 */ JUMP_IMM(BPF_JNE, 0, 0, 2), /* 42 */
                /* 40 */ LOAD(BPF_B, 8, 10, -8 + 1),
                /* 41 */ JUMP_IMM(BPF_JSET, 8, TCP_RST, 2), /* 44 */
                /* 42 */ MOV_IMM(0, 0),
                /* 43 */ EXIT(),

                /* A RST: it is as long as its headers, or it carries something. */
                /* 44 */ LOAD(BPF_B, 8, 10, -8),
                /* 45 */ ALU_IMM(BPF_RSH, 8, 4),
                /* 46 */ ALU_IMM(BPF_LSH, 8, 2),
                /* 47 */ ADD(7, 8),
                /* 48 */ LOAD(BPF_W, 8, 6, offsetof(struct __sk_buff, len)),
                /* 49 */ MOV_IMM(0, 1),
                /* 50 */ JUMP(BPF_JEQ, 7, 8, 1), /* 52 */
                /* 51 */ MOV_IMM(0, 0),
                /* 52 */ EXIT(),
        };
        union bpf_attr attr = {
                .prog_type = BPF_PROG_TYPE_CGROUP_SKB,
                .expected_attach_type = BPF_CGROUP_INET_EGRESS,
                .insns = (uint64_t)(uintptr_t)program,
                .insn_cnt = ELEMENTSOF(program),
                .license = (uint64_t)(uintptr_t)"",
        };

        memcpy(attr.prog_name, "palisade_gate", sizeof "palisade_gate");
        return bpf(BPF_PROG_LOAD, &attr);
}

/* ---- attaching ---- */

static int program_id(int prog_fd, uint32_t *ret)
{
        struct bpf_prog_info info = { 0 };
        union bpf_attr attr = {
                .info = { .bpf_fd = (uint32_t)prog_fd, .info_len = sizeof info,
                          .info = (uint64_t)(uintptr_t)&info },
        };
        int r = bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);

        if (r >= 0)
                *ret = info.id;
        return r;
}

/* The one program on this cgroup itself; 0: none. */
static int attached(int dir_fd, uint32_t *ret_id)
{
        uint32_t ids[PROGRAMS_MAX] = { 0 };
        union bpf_attr attr = {
                .query = { .target_fd = (uint32_t)dir_fd, .attach_type = BPF_CGROUP_INET_EGRESS,
                           .prog_ids = (uint64_t)(uintptr_t)ids, .prog_cnt = PROGRAMS_MAX },
        };
        int r = bpf(BPF_PROG_QUERY, &attr);

        if (r < 0)
                return r;
        if (attr.query.prog_cnt > 1)
                return -EBUSY;
        *ret_id = attr.query.prog_cnt == 1 ? ids[0] : 0;
        return 0;
}

static int attach(int dir_fd, int map_fd)
{
        uint32_t ours, there;
        _cleanup_(closep) int prog_fd = load(map_fd);

        if (prog_fd < 0)
                return prog_fd;
        union bpf_attr attr = {
                .target_fd = (uint32_t)dir_fd,
                .attach_bpf_fd = (uint32_t)prog_fd,
                .attach_type = BPF_CGROUP_INET_EGRESS,
                .attach_flags = BPF_F_ALLOW_OVERRIDE,
        };
        int r = bpf(BPF_PROG_ATTACH, &attr);
        if (r >= 0)
                r = program_id(prog_fd, &ours);
        if (r >= 0)
                r = attached(dir_fd, &there);
        if (r < 0)
                return r;
        return there == ours ? 0 : -EBUSY;
}

static int make_map(void)
{
        union bpf_attr attr = {
                .map_type = BPF_MAP_TYPE_ARRAY,
                .key_size = sizeof(uint32_t),
                .value_size = sizeof(uint64_t),
                .max_entries = 1,
                .map_flags = BPF_F_MMAPABLE,
        };

        memcpy(attr.map_name, "palisade_gate", sizeof "palisade_gate");
        return bpf(BPF_MAP_CREATE, &attr); /* zeroed: shut */
}

/* ---- the object ---- */

void gate_set(Gate *g, usec_t deadline)
{
        uint64_t nsec = deadline > UINT64_MAX / 1000 ? UINT64_MAX : deadline * 1000;

        __atomic_store_n(g->deadline_nsec, nsec, __ATOMIC_RELEASE);
}

usec_t gate_deadline(const Gate *g)
{
        uint64_t nsec = __atomic_load_n(g->deadline_nsec, __ATOMIC_ACQUIRE);

        return nsec == UINT64_MAX ? USEC_INFINITY : nsec / 1000;
}

int gate_make(Gate **ret, int map_fd, usec_t deadline)
{
        _cleanup_(gate_freep) Gate *g = calloc(1, sizeof *g);

        if (!g) {
                fd_close(map_fd);
                return -ENOMEM;
        }
        g->map_fd = map_fd >= 0 ? map_fd : make_map();
        if (g->map_fd < 0)
                return g->map_fd;
        void *page = mmap(NULL, MAP_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, g->map_fd, 0);
        if (page == MAP_FAILED)
                return -errno;
        g->deadline_nsec = page;
        if (map_fd < 0)
                gate_set(g, deadline);
        *ret = TAKE_PTR(g);
        return 0;
}

int gate_attach(Gate *g, int cgroup_dir_fd)
{
        uint32_t before;
        int r = attached(cgroup_dir_fd, &before);

        if (r >= 0)
                r = attach(cgroup_dir_fd, g->map_fd);
        if (r >= 0)
                g->replaced = before != 0;
        return r;
}

int gate_new(Gate **ret, int cgroup_dir_fd, int map_fd, usec_t deadline)
{
        _cleanup_(gate_freep) Gate *g = NULL;
        int r = gate_make(&g, map_fd, deadline);

        if (r >= 0)
                r = gate_attach(g, cgroup_dir_fd);
        if (r >= 0)
                *ret = TAKE_PTR(g);
        return r;
}

Gate *gate_free(Gate *g)
{
        if (g) {
                if (g->deadline_nsec)
                        (void)munmap(g->deadline_nsec, MAP_SIZE); /* cannot fail for what was mapped */
                fd_close(g->map_fd);
                free(g);
        }
        return NULL;
}

bool gate_replaced(const Gate *g)
{
        return g->replaced;
}

int gate_map_fd(const Gate *g)
{
        return g->map_fd;
}
