#include "textflag.h"

// Eight MD5 states are held as four vectors: A, B, C and D of all lanes. A block
// is first transposed, so that word j of all lanes is one vector at j*32(SP);
// then RFC 1321's 64 steps run on vectors.
//
// The chain of dependent operations is what MD5 costs: 4 a step with AVX-512,
// 6 with AVX2. Whatever does not hang on the previous step is computed beside it.

#define A Y0
#define B Y1
#define C Y2
#define D Y3
#define ONES Y11

// LOAD reads 16 bytes of lane lo and of lane lo+4 into one register.
#define LOAD(off, lo, hi, x, y) \
	VMOVDQU off(lo)(DX*1), x               \
	VINSERTI128 $1, off(hi)(DX*1), y, y

// TRANSPOSE stores four words of the block, from byte off on, of all lanes.
#define TRANSPOSE(off) \
	LOAD(off, R8, R12, X4, Y4)    \
	LOAD(off, R9, R13, X5, Y5)    \
	LOAD(off, R10, AX, X6, Y6)    \
	LOAD(off, R11, BX, X7, Y7)    \
	VPUNPCKLDQ Y5, Y4, Y8         \
	VPUNPCKHDQ Y5, Y4, Y9         \
	VPUNPCKLDQ Y7, Y6, Y4         \
	VPUNPCKHDQ Y7, Y6, Y5         \
	VPUNPCKLQDQ Y4, Y8, Y6        \
	VPUNPCKHQDQ Y4, Y8, Y7        \
	VPUNPCKLQDQ Y5, Y9, Y4        \
	VPUNPCKHQDQ Y5, Y9, Y8        \
	VMOVDQU Y6, (off*8)(SP)       \
	VMOVDQU Y7, (off*8+32)(SP)    \
	VMOVDQU Y4, (off*8+64)(SP)    \
	VMOVDQU Y8, (off*8+96)(SP)

// ADDWORD adds step i's constant and its word g of the block to a.
#define ADDWORD(a, i, g) \
	VPBROADCASTD (i*4)(DI), Y4    \
	VPADDD (g*32)(SP), Y4, Y4     \
	VPADDD Y4, a, a

// With AVX-512 any function of three words is one instruction, and so is a
// rotation.
#define STEP512(table, a, b, c, d, i, g, s) \
	ADDWORD(a, i, g)              \
	VMOVDQA d, Y5                 \
	VPTERNLOGD table, c, b, Y5    \
	VPADDD Y5, a, a               \
	VPROLD $s, a, a               \
	VPADDD b, a, a

#define F512(a, b, c, d, i, g, s) STEP512($0xb8, a, b, c, d, i, g, s)
#define G512(a, b, c, d, i, g, s) STEP512($0xca, a, b, c, d, i, g, s)
#define H512(a, b, c, d, i, g, s) STEP512($0x96, a, b, c, d, i, g, s)
#define I512(a, b, c, d, i, g, s) STEP512($0x65, a, b, c, d, i, g, s)

// FINISH2 adds the round's function, in Y5, to a, rotates it and adds b.
#define FINISH2(a, b, s) \
	VPADDD Y5, a, a               \
	VPSLLD $s, a, Y6              \
	VPSRLD $(32-s), a, a          \
	VPOR Y6, a, a                 \
	VPADDD b, a, a

#define F2(a, b, c, d, i, g, s) \
	ADDWORD(a, i, g)              \
	VPXOR c, d, Y5                \
	VPAND b, Y5, Y5               \
	VPXOR d, Y5, Y5               \
	FINISH2(a, b, s)

// The two halves of G have no bit in common: they may be added one by one.
#define G2(a, b, c, d, i, g, s) \
	ADDWORD(a, i, g)              \
	VPANDN c, d, Y6               \
	VPADDD Y6, a, a               \
	VPAND b, d, Y5                \
	FINISH2(a, b, s)

#define H2(a, b, c, d, i, g, s) \
	ADDWORD(a, i, g)              \
	VPXOR c, d, Y5                \
	VPXOR b, Y5, Y5               \
	FINISH2(a, b, s)

#define I2(a, b, c, d, i, g, s) \
	ADDWORD(a, i, g)              \
	VPXOR ONES, d, Y5             \
	VPOR b, Y5, Y5                \
	VPXOR c, Y5, Y5               \
	FINISH2(a, b, s)

// FOUR steps bring A to D back to their places.
#define FOUR(STEP, i, g0, g1, g2, g3, s0, s1, s2, s3) \
	STEP(A, B, C, D, i, g0, s0)     \
	STEP(D, A, B, C, (i+1), g1, s1)   \
	STEP(C, D, A, B, (i+2), g2, s2)   \
	STEP(B, C, D, A, (i+3), g3, s3)

#define ROUNDS(F, G, H, I) \
	FOUR(F, 0, 0, 1, 2, 3, 7, 12, 17, 22)       \
	FOUR(F, 4, 4, 5, 6, 7, 7, 12, 17, 22)       \
	FOUR(F, 8, 8, 9, 10, 11, 7, 12, 17, 22)     \
	FOUR(F, 12, 12, 13, 14, 15, 7, 12, 17, 22)  \
	FOUR(G, 16, 1, 6, 11, 0, 5, 9, 14, 20)      \
	FOUR(G, 20, 5, 10, 15, 4, 5, 9, 14, 20)     \
	FOUR(G, 24, 9, 14, 3, 8, 5, 9, 14, 20)      \
	FOUR(G, 28, 13, 2, 7, 12, 5, 9, 14, 20)     \
	FOUR(H, 32, 5, 8, 11, 14, 4, 11, 16, 23)    \
	FOUR(H, 36, 1, 4, 7, 10, 4, 11, 16, 23)     \
	FOUR(H, 40, 13, 0, 3, 6, 4, 11, 16, 23)     \
	FOUR(H, 44, 9, 12, 15, 2, 4, 11, 16, 23)    \
	FOUR(I, 48, 0, 7, 14, 5, 6, 10, 15, 21)     \
	FOUR(I, 52, 12, 3, 10, 1, 6, 10, 15, 21)    \
	FOUR(I, 56, 8, 15, 6, 13, 6, 10, 15, 21)    \
	FOUR(I, 60, 4, 11, 2, 9, 6, 10, 15, 21)

// BEGIN loads the arguments: the states into A to D, the lanes' addresses into
// R8 to R13, AX and BX, the constants' into DI.
#define BEGIN \
	MOVQ state+0(FP), DI          \
	VMOVDQU (DI), A               \
	VMOVDQU 32(DI), B             \
	VMOVDQU 64(DI), C             \
	VMOVDQU 96(DI), D             \
	MOVQ data+8(FP), SI           \
	MOVQ (SI), R8                 \
	MOVQ 8(SI), R9                \
	MOVQ 16(SI), R10              \
	MOVQ 24(SI), R11              \
	MOVQ 32(SI), R12              \
	MOVQ 40(SI), R13              \
	MOVQ 48(SI), AX               \
	MOVQ 56(SI), BX               \
	MOVQ n+16(FP), CX             \
	LEAQ ·sines(SB), DI           \
	XORL DX, DX

// BLOCK keeps the states in Y12 to Y15 and transposes the next block.
#define BLOCK \
	VMOVDQA A, Y12                \
	VMOVDQA B, Y13                \
	VMOVDQA C, Y14                \
	VMOVDQA D, Y15                \
	TRANSPOSE(0)                  \
	TRANSPOSE(16)                 \
	TRANSPOSE(32)                 \
	TRANSPOSE(48)

// ADD ends a block.
#define ADD \
	VPADDD Y12, A, A              \
	VPADDD Y13, B, B              \
	VPADDD Y14, C, C              \
	VPADDD Y15, D, D              \
	ADDQ $64, DX                  \
	DECQ CX

#define END \
	MOVQ state+0(FP), DI          \
	VMOVDQU A, (DI)               \
	VMOVDQU B, 32(DI)             \
	VMOVDQU C, 64(DI)             \
	VMOVDQU D, 96(DI)             \
	VZEROUPPER

// func blocksAVX512(state *State, data *[Lanes]*byte, n int)
TEXT ·blocksAVX512(SB), NOSPLIT, $512-24
	BEGIN
loop:
	BLOCK
	ROUNDS(F512, G512, H512, I512)
	ADD
	JNZ loop
	END
	RET

// func blocksAVX2(state *State, data *[Lanes]*byte, n int)
TEXT ·blocksAVX2(SB), NOSPLIT, $512-24
	BEGIN
	VPCMPEQD ONES, ONES, ONES
loop:
	BLOCK
	ROUNDS(F2, G2, H2, I2)
	ADD
	JNZ loop
	END
	RET
