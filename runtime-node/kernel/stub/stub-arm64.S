// The launch stub, arm64. See stub-x64.S for the layout of header and record.
// long stub(struct header *x0)
.globl stub
stub:
    stp x19, x20, [sp, #-32]!
    str x21, [sp, #16]
    mov x19, x0
    mov x8, #135                // rt_sigprocmask(SIG_SETMASK, full, saved, 8)
    mov x0, #2
    add x1, x19, #48
    add x2, x19, #40
    mov x3, #8
    svc #0
    mov x8, #435                // clone3(clone_args, size)
    ldp x0, x1, [x19]
    svc #0
    cbz x0, child
    str x0, [x19, #16]
    mov x8, #135                // rt_sigprocmask(SIG_SETMASK, saved, NULL, 8)
    mov x0, #2
    add x1, x19, #40
    mov x2, #0
    mov x3, #8
    svc #0
    ldr x0, [x19, #16]
    ldr x21, [sp, #16]
    ldp x19, x20, [sp], #32
    ret
child:
    ldr x20, [x19, #32]
next:
    ldr x8, [x20]
    ldp x0, x1, [x20, #8]
    ldp x2, x3, [x20, #24]
    ldp x4, x5, [x20, #40]
    svc #0
    mov x21, x0
    str x21, [x20, #56]
    mov x8, #113                // clock_gettime(CLOCK_MONOTONIC, &record.after)
    mov x0, #1
    add x1, x20, #96
    svc #0
    ldr x9, [x20, #72]
    cmp x21, x9
    b.lt refused
    ldr x9, [x20, #64]
    cbz x9, stored
fill:
    ldr x10, [x9], #8
    cbz x10, stored
    str x21, [x10]
    b fill
stored:
    cmp x21, #0
    b.le advance
    ldr x9, [x20, #88]
    cbz x9, advance
    mov x20, x9
    b next
advance:
    add x20, x20, #128
    b next
refused:
    ldr x9, [x20, #80]
    cbz x9, die
scan:
    ldr x10, [x9], #8
    cbz x10, die
    cmp x10, x21
    b.eq advance
    b scan
die:
    str x20, [x19, #24]
    mov x8, #94                 // exit_group(125)
    mov x0, #125
    svc #0
    brk #0
