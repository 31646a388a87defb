# The launch stub, x86-64. Position independent, no libc, no stack after the clone. `stub.ts` holds the bytes this assembles to.
# long stub(struct header *rdi)            returns clone3's result: a pid, or -errno
#
# header: 0 clone_args*  8 its size  16 clone result  24 failed record*  32 first record*  40 saved mask  48 full mask
# record: 0 number  8..48 six arguments  56 result  64 stores* (addresses, 0 ends)  72 least good result  80 tolerated errnos* (negated, 0 ends)
#         88 branch* (taken when the result is above 0)  96 timespec after the call  112..127 padding
.intel_syntax noprefix
.globl stub
stub:
    push rbx
    push r12
    mov rbx, rdi
    mov eax, 14                 # rt_sigprocmask(SIG_SETMASK, full, saved, 8): no handler may run in the child on our memory
    mov edi, 2
    lea rsi, [rbx+48]
    lea rdx, [rbx+40]
    mov r10d, 8
    syscall
    mov eax, 435                # clone3(clone_args, size)
    mov rdi, [rbx]
    mov rsi, [rbx+8]
    syscall
    test rax, rax
    jz child
    mov [rbx+16], rax
    mov eax, 14                 # rt_sigprocmask(SIG_SETMASK, saved, NULL, 8)
    mov edi, 2
    lea rsi, [rbx+40]
    xor edx, edx
    mov r10d, 8
    syscall
    mov rax, [rbx+16]
    pop r12
    pop rbx
    ret
child:
    mov r12, [rbx+32]
next:
    mov rax, [r12]
    mov rdi, [r12+8]
    mov rsi, [r12+16]
    mov rdx, [r12+24]
    mov r10, [r12+32]
    mov r8, [r12+40]
    mov r9, [r12+48]
    syscall
    mov r13, rax
    mov [r12+56], r13
    mov eax, 228                # clock_gettime(CLOCK_MONOTONIC, &record.after)
    mov edi, 1
    lea rsi, [r12+96]
    syscall
    cmp r13, [r12+72]
    jl refused
    mov rsi, [r12+64]           # copy the result to every place that waits for it
    test rsi, rsi
    jz stored
fill:
    mov rax, [rsi]
    test rax, rax
    jz stored
    mov [rax], r13
    add rsi, 8
    jmp fill
stored:
    test r13, r13
    jle advance
    mov rax, [r12+88]
    test rax, rax
    jz advance
    mov r12, rax
    jmp next
advance:
    sub r12, -128
    jmp next
refused:
    mov rsi, [r12+80]
    test rsi, rsi
    jz die
scan:
    mov rax, [rsi]
    test rax, rax
    jz die
    cmp rax, r13
    je advance
    add rsi, 8
    jmp scan
die:
    mov [rbx+24], r12           # the parent reads which step it was
    mov eax, 231                # exit_group(125)
    mov edi, 125
    syscall
    ud2
