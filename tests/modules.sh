# Sourced by scripts that start virtual machines: find modules of a kernel whose packages
# fetch.sh unpacked into the directory $KERNEL.
# shellcheck shell=sh

# Print the files of modules, each after its dependencies. A built-in module has no file.
modules() {
	for module; do
		file=$(find "$KERNEL" \
		    -name "$(echo "$module" | sed 's/[-_]/[-_]/g').ko*")
		[ -n "$file" ] || continue
		needs=$(unpacked "$file" | tr '\0' '\n' | sed -n 's/^depends=//p')
		# shellcheck disable=SC2046
		(modules $(echo "$needs" | tr , ' '))
		echo "$file"
	done
}
unpacked() {
	case $1 in
	*.xz) xz -dc "$1" ;;
	*.zst) zstd -qdc "$1" ;;
	*) cat "$1" ;;
	esac
}
