// A container's PID 1 under `init: true`, arm64. See init-x64.S for what it does and what its argv holds.
//
// x19 candidates  x20 the command's argv  x21 envp  w22 its pid  w23 whether it has ended  w24 its wait status
.globl _start
_start:
    ldr x0, [sp]
    add x21, sp, x0, lsl #3
    add x21, x21, #16
    add x19, sp, #16
    mov x20, x19
past_candidates:
    ldr x0, [x20], #8
    ldrb w1, [x0]
    cbnz w1, past_candidates
    sub sp, sp, #64             // 0 a signal set  8 a wait status  16 three iovecs
    mov x8, #167                // prctl(PR_SET_NAME)
    mov x0, #15
    adr x1, own_name
    svc #0
    mov x0, #-1
    str x0, [sp]
    bl set_mask
    mov x8, #220                // clone(SIGCHLD): fork
    mov x0, #17
    mov x1, #0
    mov x2, #0
    mov x3, #0
    mov x4, #0
    svc #0
    cbz w0, command
    mov w22, w0
    mov w0, #125
    tbnz w22, #31, exit
    mov w23, #0
wait:
    mov x8, #137                // rt_sigtimedwait(full, NULL, NULL, 8)
    mov x0, sp
    mov x1, #0
    mov x2, #0
    mov x3, #8
    svc #0
    cmp w0, #17
    b.eq reap
    cmp w0, #0
    b.le wait
    mov w1, w0                  // kill(command, signal)
    mov w0, w22
    mov x8, #129
    svc #0
    b wait
reap:                           // wait4(-1, &status, WNOHANG, NULL) until there is none
    mov x8, #260
    mov x0, #-1
    add x1, sp, #8
    mov x2, #1
    mov x3, #0
    svc #0
    cmp w0, #0
    b.le reaped
    cmp w0, w22
    b.ne reap
    mov w23, #1
    ldr w24, [sp, #8]
    b reap
reaped:
    cbz w23, wait
    ands w0, w24, #127
    b.eq by_itself
    add w0, w0, #128
    b exit
by_itself:
    ubfx w0, w24, #8, #8
exit:
    mov x8, #94
    svc #0
    brk #0
command:
    mov x8, #154                // setpgid(0, 0)
    mov x0, #0
    mov x1, #0
    svc #0
    str xzr, [sp]
    bl set_mask
    mov w23, #127
    adr x22, is_not_there
    mov x24, #26
try:
    ldr x0, [x19]
    ldrb w1, [x0]
    cbz w1, give_up
    mov x8, #221                // execve(candidate, argv, envp)
    mov x1, x20
    mov x2, x21
    svc #0
    add x19, x19, #8
    cmn w0, #2                  // ENOENT, ENOTDIR, then EACCES
    b.eq try
    cmn w0, #20
    b.eq try
    mov w23, #126
    adr x22, is_no_program
    mov x24, #21
    cmn w0, #13
    b.eq try
give_up:
    adr x0, says                // writev(2, {says, argv[0], why}, 3)
    mov x1, #10
    stp x0, x1, [sp, #16]
    ldr x0, [x20]
    mov x1, #0
length:
    ldrb w2, [x0, x1]
    cbz w2, measured
    add x1, x1, #1
    b length
measured:
    stp x0, x1, [sp, #32]
    stp x22, x24, [sp, #48]
    mov x8, #66
    mov x0, #2
    add x1, sp, #16
    mov x2, #3
    svc #0
    mov w0, w23
    b exit
set_mask:                       // rt_sigprocmask(SIG_SETMASK, the set on the stack, NULL, 8)
    mov x8, #135
    mov x0, #2
    mov x1, sp
    mov x2, #0
    mov x3, #8
    svc #0
    ret
own_name:
    .asciz "slipway-init"
says:
    .ascii "slipway: \""
is_not_there:
    .ascii "\" is not in the container\n"
is_no_program:
    .ascii "\" cannot be executed\n"
