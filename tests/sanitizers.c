/* Options of AddressSanitizer. Leak detection is off: pith allocates nothing,
 * and the search takes time in each of many processes and hangs if signals are
 * blocked. No test expects exit code 99. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "detect_leaks=0:quarantine_size_mb=1:exitcode=99";
}
