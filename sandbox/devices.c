#include <linux/bpf.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../cli/log.h"
#include "devices.h"
#include "proc.h"
#include "volumes.h"

enum { ANY = -1, MOST = 256 };

struct node {
	bool block;
	int major, minor;               /* ANY minor */
};

/* null, zero, full, random, urandom; tty, console, ptmx; terminals. */
static const struct node usual[] = {
	{ false, 1, 3 }, { false, 1, 5 }, { false, 1, 7 }, { false, 1, 8 },
	{ false, 1, 9 }, { false, 5, 0 }, { false, 5, 1 }, { false, 5, 2 },
	{ false, 136, ANY },
};
enum { USUAL = sizeof(usual) / sizeof(usual[0]) };

static int
list(struct node nodes[MOST])
{
	struct stat st;
	int n = USUAL, next = 0;

	memcpy(nodes, usual, sizeof(usual));
	while (volumes_device(&next, &st)) {
		if (n == MOST)
			diex("too many devices", NULL, NULL, NULL);
		nodes[n++] = (struct node){ S_ISBLK(st.st_mode),
		    major(st.st_rdev), minor(st.st_rdev) };
	}
	return n;
}

/* ---- v1 ------------------------------------------------------------------ */

static bool
allow_nodes(int group, const struct node *nodes, int n)
{
	char text[48];

	/* A node may be made, as in docker: that opens nothing. */
	if (!file_write(group, "devices.deny", "a") ||
	    !file_write(group, "devices.allow", "c *:* m") ||
	    !file_write(group, "devices.allow", "b *:* m"))
		return false;
	for (int i = 0; i < n; i++) {
		struct strbuf l = STRBUF(text);

		strbuf_add(&l, nodes[i].block ? "b " : "c ");
		strbuf_number(&l, nodes[i].major);
		strbuf_add(&l, nodes[i].minor == ANY ? ":*" : ":");
		if (nodes[i].minor != ANY)
			strbuf_number(&l, nodes[i].minor);
		strbuf_add(&l, " rwm");
		if (!file_write(group, "devices.allow", text))
			return false;
	}
	return true;
}

/* ---- v2 ------------------------------------------------------------------ */

/* Registers: the context, what is to be done, the kind, the numbers. */
enum { RESULT = BPF_REG_0, CONTEXT, ACCESS, KIND, MAJOR, MINOR };

enum { PER_NODE = 5, AROUND = 11 };

static struct bpf_insn program[AROUND + MOST * PER_NODE];
static int length;

static void
add(int code, int to, int from, int offset, int immediate)
{
	program[length++] = (struct bpf_insn){ .code = code, .dst_reg = to,
	    .src_reg = from, .off = offset, .imm = immediate };
}

static void
end_with(int result)
{
	add(BPF_ALU64 | BPF_MOV | BPF_K, RESULT, 0, 0, result);
	add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* struct bpf_cgroup_dev_ctx: access << 16 | kind, major, minor. */
static void
write_program(const struct node *nodes, int n)
{
	length = 0;
	add(BPF_LDX | BPF_MEM | BPF_W, ACCESS, CONTEXT, 0, 0);
	add(BPF_LDX | BPF_MEM | BPF_W, MAJOR, CONTEXT, 4, 0);
	add(BPF_LDX | BPF_MEM | BPF_W, MINOR, CONTEXT, 8, 0);
	add(BPF_ALU64 | BPF_MOV | BPF_X, KIND, ACCESS, 0, 0);
	add(BPF_ALU64 | BPF_AND | BPF_K, KIND, 0, 0, 0xffff);
	add(BPF_ALU64 | BPF_RSH | BPF_K, ACCESS, 0, 0, 16);
	add(BPF_JMP | BPF_JSET | BPF_K, ACCESS, 0, 2,
	    BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE);
	end_with(1);
	for (int i = 0; i < n; i++) {
		const bool any = nodes[i].minor == ANY;

		add(BPF_JMP | BPF_JNE | BPF_K, KIND, 0, any ? 3 : 4,
		    nodes[i].block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
		add(BPF_JMP | BPF_JNE | BPF_K, MAJOR, 0, any ? 2 : 3,
		    nodes[i].major);
		if (!any)
			add(BPF_JMP | BPF_JNE | BPF_K, MINOR, 0, 2,
			    nodes[i].minor);
		end_with(1);
	}
	end_with(0);
}

static bool
attach_program(int group)
{
	union bpf_attr a;
	int fd;
	bool attached;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	a.insns = (uintptr_t)program;
	a.insn_cnt = length;
	a.license = (uintptr_t)"MIT";
	fd = syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
	if (fd < 0)
		return false;
	memset(&a, 0, sizeof(a));
	a.target_fd = group;
	a.attach_bpf_fd = fd;
	a.attach_type = BPF_CGROUP_DEVICE;
	a.attach_flags = BPF_F_ALLOW_MULTI;
	attached = syscall(SYS_bpf, BPF_PROG_ATTACH, &a, sizeof(a)) == 0;
	close(fd);
	return attached;
}

bool
devices_limit(int group, bool v2)
{
	struct node nodes[MOST];
	const int n = list(nodes);

	if (v2)
		write_program(nodes, n);
	return v2 ? attach_program(group) : allow_nodes(group, nodes, n);
}
