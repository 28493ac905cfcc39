/* libFuzzer target: hostile program files for child_explain(). An input is a
 * byte that selects the error of exec, and the file. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "child.h"
#include "exec_error.h"
#include "fuzz.h"

static const int errors[] = { ENOENT, ENOEXEC, EACCES, ELIBBAD };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A constant number: the file can name itself as its interpreter. */
	enum { FILE_FD = 100 };
	static const char path[] = "/proc/self/fd/100";
	int error, code, fd;

	if (size < 1)
		return 0;
	error = errors[data[0] % (sizeof(errors) / sizeof(errors[0]))];
	fd = memfd_create("program", MFD_CLOEXEC);
	CLAIM(fd >= 0 && dup3(fd, FILE_FD, O_CLOEXEC) == FILE_FD);
	close(fd);
	CLAIM(__real_write(FILE_FD, data + 1, size - 1) == (ssize_t)size - 1);

	writes = 0;
	caught = true;
	if (setjmp(end) == 0) {
		code = exec_explain(path,
			    &(struct exec_error){ error, 0, NULL, NULL });
		caught = false;
		CLAIM(code == 126);
		check_error("pith");
	} else {
		caught = false;
		CLAIM(!"child_explain() must return");
	}
	close(FILE_FD);
	return 0;
}
