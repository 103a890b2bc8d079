# SPDX-License-Identifier: MIT
# Completion of wpkc for fish. What there is comes from wpkc --list.
function __wpkc_options
	wpkc --list=options
	for t in (wpkc --list=targets)
		echo --target=$t
	end
	for g in (wpkc --list=gpus | string replace -r ' .*' '')
		echo --gpu=$g
	end
	for s in (wpkc --list=strategies | string replace -r ' .*' '')
		echo --tune=$s
	end
	for e in (wpkc --list=emits)
		echo --emit=$e
	end
	for c in (wpkc --list=codes | string replace -r ' .*' '')
		echo --explain=$c
	end
	printf -- '--check=%s\n' address race init bytes gpu
	printf -- '--color=%s\n' auto always never
end
complete -c wpkc -n 'not __fish_seen_subcommand_from search; and string match -q -- "-*" (commandline -ct)' -f -a '(__wpkc_options)'
complete -c wpkc -n '__fish_seen_subcommand_from search; and string match -q -- "-*" (commandline -ct)' -f -a '(__wpkc_search_options)'
function __wpkc_search_options
	printf -- '%s\n' --replay --budget --seeds --batch --window --from --json --help
	for s in (wpkc --list=strategies | string replace -r ' .*' '')
		echo --strategy=$s
	end
end
complete -c wpkc -n '__fish_is_first_token' -a 'explain fmt merge reference report search'
complete -c wpkc -n '__fish_seen_subcommand_from explain' -a '--json --records'
complete -c wpkc -n '__fish_seen_subcommand_from reference' \
	-a '--input --of --samples --sets --to'
