" SPDX-License-Identifier: MIT
" Tensor expressions and their schedules: wpk(7).
if exists("b:current_syntax")
	finish
endif
syn keyword wpkKeyword edge export fn for import in inf let op pad param
	\ require schedule step target test tune when where with
syn keyword wpkType f64 f32 tf32 f16 bf16 e4m3 e5m2 i64 i32 i16 i8 i4 u32 u16
	\ u8 u4 bool
syn keyword wpkFunction exp exp2 log log2 sqrt rsqrt sin cos tanh erf abs
	\ floor ceil round pow fma select
syn keyword wpkReducer sum prod max min argmax argmin any all
syn keyword wpkQualifier layout stride align
" A directive is one only where it is called.
syn match wpkDirective /\<\(kernel\|tile\|fuse\|split\|reorder\|bind\|stage\|pipeline\|unroll\|vectorize\|split_k\|raster\|swizzle\|tail\|compute_at\|cache\|rfactor\|reduce\|epilogue\|mma\|winograd\|seed\|fallback\|const\|in_place\|launch\|deterministic\|variant\|cluster\|shape\|budget\|expect\)\>\ze\s*(/
syn match wpkNumber /\<\d\+[KM]\?\>/
syn match wpkNumber /\<\d\+\(\.\d\+\)\?[eE][+-]\?\d\+\>/
syn match wpkNumber /\<\d\+\.\d\+\>/
syn match wpkTarget /\<sm_\d\+a\?\>/
syn match wpkRange /\.\./
syn region wpkString start=/"/ skip=/\\./ end=/"/ oneline
syn keyword wpkTodo TODO FIXME XXX contained
syn match wpkComment /\/\/.*/ contains=wpkTodo,@Spell
syn region wpkComment start=/\/\*/ end=/\*\// contains=wpkTodo,@Spell

hi def link wpkKeyword Keyword
hi def link wpkType Type
hi def link wpkFunction Function
hi def link wpkReducer Operator
hi def link wpkQualifier StorageClass
hi def link wpkDirective PreProc
hi def link wpkNumber Number
hi def link wpkTarget Constant
hi def link wpkRange Operator
hi def link wpkString String
hi def link wpkTodo Todo
hi def link wpkComment Comment

let b:current_syntax = "wpk"
