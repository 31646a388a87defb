# A container's PID 1 under `init: true`, x86-64. Position independent, no libc, no data. `init.ts` holds the bytes this assembles to.
#
# argv: name, candidate…, "", the command's own argv…         the candidates are the paths to try for the command, in order
#
# It starts the command in a process group of its own, hands it every signal that it gets, reaps whatever ends, and exits as the command
# did: with its code, or 128 and the number of the signal that killed it. 127: no candidate is there; 126: none can be executed; 125: no fork.
#
# r12 candidates  r13 the command's argv  r14 envp  ebx its pid  ebp whether it has ended  r15 its wait status
.intel_syntax noprefix
.globl _start
_start:
    mov rax, [rsp]
    lea r14, [rsp+rax*8+16]
    lea r12, [rsp+16]
    mov r13, r12
past_candidates:
    mov rax, [r13]
    add r13, 8
    cmp byte ptr [rax], 0
    jne past_candidates
    sub rsp, 64                 # 0 a signal set  8 a wait status  16 three iovecs
    mov eax, 157                # prctl(PR_SET_NAME): the kernel names what has no path after its fd
    mov edi, 15
    lea rsi, [rip+own_name]
    syscall
    mov qword ptr [rsp], -1     # rt_sigprocmask(SIG_SETMASK, full, NULL, 8): a blocked signal waits, even one that PID 1 would not get
    call set_mask
    mov eax, 56                 # clone(SIGCHLD): fork
    mov edi, 17
    xor esi, esi
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    syscall
    mov edi, 125
    test eax, eax
    js exit
    jz command
    mov ebx, eax
    xor ebp, ebp
wait:
    mov eax, 128                # rt_sigtimedwait(full, NULL, NULL, 8)
    mov rdi, rsp
    xor esi, esi
    xor edx, edx
    mov r10d, 8
    syscall
    cmp eax, 17
    je reap
    test eax, eax
    jle wait
    mov esi, eax                # kill(command, signal)
    mov edi, ebx
    mov eax, 62
    syscall
    jmp wait
reap:                           # one SIGCHLD stands for many: wait4(-1, &status, WNOHANG, NULL) until there is none
    mov eax, 61
    mov rdi, -1
    lea rsi, [rsp+8]
    mov edx, 1
    xor r10d, r10d
    syscall
    test eax, eax
    jle reaped
    cmp eax, ebx
    jne reap
    mov ebp, 1
    mov r15d, [rsp+8]
    jmp reap
reaped:
    test ebp, ebp
    jz wait
    mov edi, r15d               # the low seven bits are the signal, the next byte is the code
    and edi, 127
    jz by_itself
    add edi, 128
    jmp exit
by_itself:
    mov edi, r15d
    shr edi, 8
    movzx edi, dil
exit:
    mov eax, 231
    syscall
    ud2
command:
    mov eax, 109                # setpgid(0, 0): a signal to its own group does not come to us and back to it
    xor edi, edi
    xor esi, esi
    syscall
    mov qword ptr [rsp], 0
    call set_mask
    mov ebp, 127
    lea rbx, [rip+is_not_there]
    mov r15d, 26
try:
    mov rdi, [r12]
    cmp byte ptr [rdi], 0
    je give_up
    mov eax, 59                 # execve(candidate, argv, envp)
    mov rsi, r13
    mov rdx, r14
    syscall
    add r12, 8
    cmp eax, -2                 # ENOENT, ENOTDIR: not there. EACCES: there, and the next may do. Anything else ends the search.
    je try
    cmp eax, -20
    je try
    mov ebp, 126
    lea rbx, [rip+is_no_program]
    mov r15d, 21
    cmp eax, -13
    je try
give_up:
    lea rax, [rip+says]         # writev(2, {says, argv[0], why}, 3)
    mov [rsp+16], rax
    mov qword ptr [rsp+24], 10
    mov rsi, [r13]
    mov [rsp+32], rsi
    xor eax, eax
length:
    cmp byte ptr [rsi+rax], 0
    je measured
    inc rax
    jmp length
measured:
    mov [rsp+40], rax
    mov [rsp+48], rbx
    mov [rsp+56], r15
    mov eax, 20
    mov edi, 2
    lea rsi, [rsp+16]
    mov edx, 3
    syscall
    mov edi, ebp
    jmp exit
set_mask:                       # rt_sigprocmask(SIG_SETMASK, the set on the stack, NULL, 8)
    mov eax, 14
    mov edi, 2
    lea rsi, [rsp+8]
    xor edx, edx
    mov r10d, 8
    syscall
    ret
own_name:
    .asciz "slipway-init"
says:
    .ascii "slipway: \""
is_not_there:
    .ascii "\" is not in the container\n"
is_no_program:
    .ascii "\" cannot be executed\n"
