# SPDX-License-Identifier: MIT
# Completion of wpkrun for fish. What there is comes from --list.
function __wpkrun_options
	wpkrun --list=options
	printf -- '--device=%s\n' gpu emu
	printf -- '--against=%s\n' ref cudnn cublaslt none
	echo -- --samples=all
	for t in (wpkc --list=targets)
		echo --target=$t
	end
	for g in (wpkc --list=gpus | string replace -r ' .*' '')
		echo --gpu=$g
	end
end
complete -c wpkrun -n 'string match -q -- "-*" (commandline -ct)' -f \
	-a '(__wpkrun_options)'
complete -c wpkrun -n 'not string match -q -- "-*" (commandline -ct)' -f \
	-a '(__fish_complete_suffix .wpk) (__fish_complete_suffix .plan)'
