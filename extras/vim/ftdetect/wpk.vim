" SPDX-License-Identifier: MIT
au BufRead,BufNewFile *.wpk setfiletype wpk
