# SPDX-License-Identifier: MIT
# Completion of wpkdb for fish. What there is comes from wpkdb --list.
function __wpkdb_options
	wpkdb --list=options
	for t in (wpkc --list=targets)
		echo --target=$t
	end
	for g in (wpkc --list=gpus | string replace -r ' .*' '')
		echo --gpu=$g
	end
	printf -- '--how=%s\n' gpu emu model
	printf -- '--origin=%s\n' own foreign proved refused
	printf -- '--verdict=%s\n' pruned compile spill launch fault timeout wrong \
		slow measured
end
complete -c wpkdb -n 'string match -q -- "-*" (commandline -ct)' -f \
	-a '(__wpkdb_options)'
complete -c wpkdb -n '__fish_is_first_token' -f -a '(wpkdb --list=commands)'
