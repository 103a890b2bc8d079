#!/bin/sh
# SPDX-License-Identifier: MIT
# The editors' files know every word of the language, and load; completion
# offers what there is.
. "${top_srcdir:-.}/tests/lib.sh"
extras=$top_srcdir/extras
export extras
cd "$scratch" || exit 1

"$wpkc" --list=words >words
check "there are words" test "$(wc -l <words)" -gt 80

for file in "$extras/vim/syntax/wpk.vim" "$extras/vscode/wpk.tmLanguage.json"; do
	while read -r kind word; do
		grep -qw -e "$word" "$file" || echo "$kind $word"
	done <words >missing
	empty "${file##*/} has every word" missing
done

# ---- they load ----

for file in "$extras"/vscode/*.json; do
	if command -v python3 >/dev/null 2>&1; then
		check "${file##*/} is JSON" python3 -c \
			'import json, sys; json.load(open(sys.argv[1]))' "$file"
	else
		skip "${file##*/} is JSON" "python3 was not found"
	fi
done
if command -v vim >/dev/null 2>&1; then
	printf 'let acc[i]: f32 = sum[k](x[i, k]);\n' >x.wpk
	vim -u NONE -es -c 'let &rtp .= "," . $extras . "/vim"' -c 'filetype plugin on' \
		-c 'syntax on' -c 'edit x.wpk' \
		-c 'let a = synIDattr(synID(1, 1, 1), "name")' \
		-c 'let b = synIDattr(synID(1, 13, 1), "name")' \
		-c 'call writefile([&ft, a, b], "seen")' \
		-c 'qa!' >log 2>&1
	printf 'wpk\nwpkKeyword\nwpkType\n' >want
	check "vim colours it" diff want seen
else
	skip "vim colours it" "vim was not found"
fi

# ---- completion ----

# offers WORD... : what bash completes the last word to.
offers() {
	bash -c '. "$0"
	wpkc() { "$WPKC" "$@"; }
	wpkdb() { "${WPKC%wpkc}wpkdb" "$@"; }
	wpkfarm() { "${WPKC%wpkc}wpkfarm" "$@"; }
	wpkrun() { "${WPKC%wpkc}wpkrun" "$@"; }
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
	"_$1"
	printf "%s\n" "${COMPREPLY[@]}"' \
		"$extras/completion/bash/$1" "$@" 2>&1
}
WPKC=$wpkc
export WPKC
touch a.wpk b.txt
if command -v bash >/dev/null 2>&1; then
	check "bash: an option" test "$(offers wpkc --fro)" = --frozen
	check "bash: every option" test "$(offers wpkc - | sort)" = \
		"$("$wpkc" --list=options | sort)"
	offers wpkc --target = sm_90 | sort | tr '\n' ' ' >targets
	check "bash: a target" test "$(cat targets)" = "sm_90 sm_90a "
	check "bash: a strategy" test "$(offers wpkc --tune = g)" = ga
	check "bash: the next of a list" test "$(offers wpkc --check = address,ra)" = \
		address,race
	check "bash: commands" test "$(offers wpkc se)" = search
	check "bash: options of search" test "$(offers wpkc search --rep)" = \
		--replay
	check "bash: strategies of search" test \
		"$(offers wpkc search --strategy = ga,r | tr '\n' ' ')" = \
		"ga,rl ga,random "
	check "bash: a code" test "$(offers wpkc --explain E040 | wc -l)" -ge 9
	check "bash: a command" test "$(offers wpkc exp)" = explain
	check "bash: an option of explain" test "$(offers wpkc explain --rec)" = \
		--records
	check "bash: an option of reference" test \
		"$(offers wpkc reference --sam)" = --samples
	check "bash: any file of records" test "$(offers wpkc report b)" = b.txt
	check "bash: sources" test "$(offers wpkc a)" = a.wpk
	check "bash: nothing else" test -z "$(offers wpkc b.)"
	check "bash: a command of wpkdb" test "$(offers wpkdb ex)" = export
	check "bash: an option of wpkdb" test "$(offers wpkdb prune --dry)" = \
		--dry-run
	check "bash: a GPU" test "$(offers wpkdb list --gpu = h2)" = h200
	check "bash: options of wpkrun" test "$(offers wpkrun - | sort)" = \
		"$("${wpkc%wpkc}wpkrun" --list=options | sort)"
	check "bash: a device" test "$(offers wpkrun --device = e)" = emu
	check "bash: the next judge" test "$(offers wpkrun --against = ref,cu |
		sort | tr '\n' ' ')" = "ref,cublaslt ref,cudnn "
	check "bash: a source to run" test "$(offers wpkrun a)" = a.wpk
	if [ -x "${wpkc%wpkc}wpkfarm" ]; then
		check "bash: an option of wpkc for wpkfarm" test \
			"$(offers wpkfarm --tri)" = --trials
		check "bash: an option of wpkfarm" test \
			"$(offers wpkfarm --pat)" = --patience
	else
		skip "bash: options of wpkfarm" "no Open MPI"
	fi
else
	skip "bash completes" "bash was not found"
fi
if command -v fish >/dev/null 2>&1; then
	check "fish reads it" fish -n "$extras/completion/fish/wpkc.fish" \
		"$extras/completion/fish/wpkdb.fish" \
		"$extras/completion/fish/wpkrun.fish" \
		"$extras/completion/fish/wpkfarm.fish"
else
	skip "fish reads it" "fish was not found"
fi
if command -v zsh >/dev/null 2>&1; then
	check "zsh reads it" zsh -n "$extras/completion/zsh/_wpkc"
	check "zsh reads wpkdb's" zsh -n "$extras/completion/zsh/_wpkdb"
	check "zsh reads wpkrun's" zsh -n "$extras/completion/zsh/_wpkrun"
	check "zsh reads wpkfarm's" zsh -n "$extras/completion/zsh/_wpkfarm"
else
	skip "zsh reads it" "zsh was not found"
fi
finish
