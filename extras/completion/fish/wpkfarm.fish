# SPDX-License-Identifier: MIT
# Completion of wpkfarm for fish: that of wpkc, with options of its own.
complete -c wpkfarm -w wpkc
complete -c wpkfarm -n 'string match -q -- "-*" (commandline -ct)' -f \
	-a '(wpkfarm --list=options)'
