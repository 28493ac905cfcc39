/* What AddressSanitizer asks a program built with it. pith allocates nothing:
 * the search for leaks is left out, which costs time in each of many processes
 * and waits for ever where signals are held. No test expects code 99. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "detect_leaks=0:quarantine_size_mb=1:exitcode=99";
}
