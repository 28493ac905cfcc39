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

enum { ANY_MINOR = -1, MAX_NODES = 256 };

struct node {
	bool block;
	int major, minor;               /* or ANY_MINOR */
};

static const struct node standard_nodes[] = {
	{ .major = 1, .minor = 3 },             /* null */
	{ .major = 1, .minor = 5 },             /* zero */
	{ .major = 1, .minor = 7 },             /* full */
	{ .major = 1, .minor = 8 },             /* random */
	{ .major = 1, .minor = 9 },             /* urandom */
	{ .major = 5, .minor = 0 },             /* tty */
	{ .major = 5, .minor = 1 },             /* console */
	{ .major = 5, .minor = 2 },             /* ptmx */
	{ .major = 136, .minor = ANY_MINOR },   /* pts/N */
};
enum { STANDARD = sizeof(standard_nodes) / sizeof(standard_nodes[0]) };

/* Store the allowed nodes; returns their number. */
static int
list_nodes(struct node nodes[MAX_NODES])
{
	struct stat st;
	int n = STANDARD, next = 0;

	memcpy(nodes, standard_nodes, sizeof(standard_nodes));
	while (volumes_device(&next, &st)) {
		if (n == MAX_NODES)
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

	/* Allow mknod(2), as docker does: the node cannot be opened. */
	if (!file_write(group, "devices.deny", "a") ||
	    !file_write(group, "devices.allow", "c *:* m") ||
	    !file_write(group, "devices.allow", "b *:* m"))
		return false;
	for (int i = 0; i < n; i++) {
		struct strbuf l = STRBUF(text);

		strbuf_add(&l, nodes[i].block ? "b " : "c ");
		strbuf_number(&l, nodes[i].major);
		strbuf_add(&l, nodes[i].minor == ANY_MINOR ? ":*" : ":");
		if (nodes[i].minor != ANY_MINOR)
			strbuf_number(&l, nodes[i].minor);
		strbuf_add(&l, " rwm");
		if (!file_write(group, "devices.allow", text))
			return false;
	}
	return true;
}

/* ---- v2 ------------------------------------------------------------------ */

/* Registers. */
enum { RESULT = BPF_REG_0, CONTEXT, ACCESS, TYPE, MAJOR, MINOR };

/* Load the members of struct bpf_cgroup_dev_ctx: access << 16 | type, major,
 * minor. Allow access that neither reads nor writes (mknod). */
static const struct bpf_insn prologue[] = {
	{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = ACCESS,
	    .src_reg = CONTEXT, .off = 0 },
	{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = MAJOR,
	    .src_reg = CONTEXT, .off = 4 },
	{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = MINOR,
	    .src_reg = CONTEXT, .off = 8 },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = TYPE,
	    .src_reg = ACCESS },
	{ .code = BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = TYPE, .imm = 0xffff },
	{ .code = BPF_ALU64 | BPF_RSH | BPF_K, .dst_reg = ACCESS, .imm = 16 },
	{ .code = BPF_JMP | BPF_JSET | BPF_K, .dst_reg = ACCESS, .off = 2,
	    .imm = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = RESULT, .imm = 1 },
	{ .code = BPF_JMP | BPF_EXIT },
};

/* Instructions before all nodes, for each node, and after all nodes. */
enum {
	PROLOGUE = sizeof(prologue) / sizeof(prologue[0]),
	PER_NODE = 5,
	EPILOGUE = 2
};

struct bpf_program {
	struct bpf_insn text[PROLOGUE + MAX_NODES * PER_NODE + EPILOGUE];
	int length;
};

static void
emit_bpf(struct bpf_program *p, int code, int to, int offset, int immediate)
{
	p->text[p->length++] = (struct bpf_insn){ .code = code,
	    .dst_reg = to, .off = offset, .imm = immediate };
}

static void
emit_return(struct bpf_program *p, int result)
{
	emit_bpf(p, BPF_ALU64 | BPF_MOV | BPF_K, RESULT, 0, result);
	emit_bpf(p, BPF_JMP | BPF_EXIT, 0, 0, 0);
}

static void
compile_nodes(struct bpf_program *p, const struct node *nodes, int n)
{
	memcpy(p->text, prologue, sizeof(prologue));
	p->length = PROLOGUE;
	for (int i = 0; i < n; i++) {
		const bool any = nodes[i].minor == ANY_MINOR;

		emit_bpf(p, BPF_JMP | BPF_JNE | BPF_K, TYPE, any ? 3 : 4,
		    nodes[i].block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
		emit_bpf(p, BPF_JMP | BPF_JNE | BPF_K, MAJOR, any ? 2 : 3,
		    nodes[i].major);
		if (!any)
			emit_bpf(p, BPF_JMP | BPF_JNE | BPF_K, MINOR, 2,
			    nodes[i].minor);
		emit_return(p, 1);
	}
	emit_return(p, 0);
}

static bool
attach_program(int group, const struct bpf_program *p)
{
	union bpf_attr a;
	int fd;
	bool attached;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	a.insns = (uintptr_t)p->text;
	a.insn_cnt = p->length;
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
	struct node nodes[MAX_NODES];
	struct bpf_program program;
	const int n = list_nodes(nodes);

	if (!v2)
		return allow_nodes(group, nodes, n);
	compile_nodes(&program, nodes, n);
	return attach_program(group, &program);
}
