/**
 * Activations that are gates: x sigmoid(c(x)), and their slopes.
 */
import { exp, madd, save, take } from './vectors';

// @inline
function sigmoid(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp(f32x4.neg(x))));
}

// @inline
function siluOf(x: v128): v128 {
  return f32x4.mul(x, sigmoid(x));
}

/** s (1 + x (1 - s)), s = sigmoid(x). */
// @inline
function siluSlope(x: v128, s: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.mul(s, madd(one, x, f32x4.sub(one, s)));
}

// @inline
function siluAt(whole: bool, x: usize, y: usize): void {
  save(whole, y, siluOf(take(whole, x)));
}

// @inline
function siluGradAt(whole: bool, dy: usize, x: usize, dx: usize): void {
  const v = take(whole, x);
  save(whole, dx, f32x4.mul(take(whole, dy), siluSlope(v, sigmoid(v))));
}

// @inline
function siluGateAt(whole: bool, gate: usize, up: usize, y: usize): void {
  save(whole, y, f32x4.mul(siluOf(take(whole, gate)), take(whole, up)));
}

// @inline
function siluGateGradAt(whole: bool, dy: usize, gate: usize, up: usize, dgate: usize, dup: usize): void {
  const v = take(whole, gate);
  const d = take(whole, dy);
  const s = sigmoid(v);
  save(whole, dgate, f32x4.mul(f32x4.mul(d, take(whole, up)), siluSlope(v, s)));
  save(whole, dup, f32x4.mul(d, f32x4.mul(v, s)));
}

/** 2 sqrt(2 / pi). */
const SLOPE: f32 = 1.5957691216057308;

/** The factor of x^3 in the argument of GELU's tanh. */
const CUBE: f32 = 0.044715;

/** sigmoid(c (x + 0.044715 x^3)), c = 2 sqrt(2 / pi). */
// @inline
function gate(x: v128, square: v128): v128 {
  const inner = f32x4.mul(x, madd(f32x4.splat(1), square, f32x4.splat(CUBE)));
  return sigmoid(f32x4.mul(inner, f32x4.splat(SLOPE)));
}

// @inline
function geluTanhAt(whole: bool, x: usize, y: usize): void {
  const v = take(whole, x);
  save(whole, y, f32x4.mul(v, gate(v, f32x4.mul(v, v))));
}

// @inline
function geluTanhGradAt(whole: bool, dy: usize, x: usize, dx: usize): void {
  const v = take(whole, x);
  const square = f32x4.mul(v, v);
  const one = f32x4.splat(1);
  const s = gate(v, square);
  const inner = madd(one, square, f32x4.splat(3 * CUBE));
  const steep = f32x4.mul(f32x4.mul(v, f32x4.mul(inner, f32x4.splat(SLOPE))), f32x4.sub(one, s));
  save(whole, dx, f32x4.mul(take(whole, dy), f32x4.mul(s, f32x4.add(one, steep))));
}

/** What is computed of an element. */
enum Kind {
  Silu,
  SiluGrad,
  SiluGate,
  SiluGateGrad,
  GeluTanh,
  GeluTanhGrad,
}

/** One vector or one element of arrays a, b, ... of which the last are written. */
// @inline
function one(kind: Kind, whole: bool, a: usize, b: usize, c: usize, d: usize, e: usize): void {
  if (kind === Kind.Silu) siluAt(whole, a, b);
  else if (kind === Kind.SiluGrad) siluGradAt(whole, a, b, c);
  else if (kind === Kind.SiluGate) siluGateAt(whole, a, b, c);
  else if (kind === Kind.SiluGateGrad) siluGateGradAt(whole, a, b, c, d, e);
  else if (kind === Kind.GeluTanh) geluTanhAt(whole, a, b);
  else geluTanhGradAt(whole, a, b, c);
}

/** All n elements, four vectors in a row: their exponentials do not wait for each other. */
// @inline
function each(kind: Kind, n: i32, a: usize, b: usize, c: usize = 0, d: usize = 0, e: usize = 0): void {
  const bytes: usize = 4 * (n as usize);
  let at: usize = 0;
  for (; at + 64 <= bytes; at += 64) {
    one(kind, true, a + at, b + at, c + at, d + at, e + at);
    one(kind, true, a + at + 16, b + at + 16, c + at + 16, d + at + 16, e + at + 16);
    one(kind, true, a + at + 32, b + at + 32, c + at + 32, d + at + 32, e + at + 32);
    one(kind, true, a + at + 48, b + at + 48, c + at + 48, d + at + 48, e + at + 48);
  }
  for (; at + 16 <= bytes; at += 16) one(kind, true, a + at, b + at, c + at, d + at, e + at);
  for (; at < bytes; at += 4) one(kind, false, a + at, b + at, c + at, d + at, e + at);
}

/** y = x sigmoid(x) for n elements. */
export function silu(x: usize, y: usize, n: i32): void {
  each(Kind.Silu, n, x, y);
}

/** dx = dy s (1 + x (1 - s)), s = sigmoid(x), for n elements. */
export function siluGrad(dy: usize, x: usize, dx: usize, n: i32): void {
  each(Kind.SiluGrad, n, dy, x, dx);
}

/** y = gate sigmoid(gate) up for n elements. */
export function siluGate(gate: usize, up: usize, y: usize, n: i32): void {
  each(Kind.SiluGate, n, gate, up, y);
}

/** dgate = dy up silu'(gate) and dup = dy silu(gate) for n elements. */
export function siluGateGrad(dy: usize, gate: usize, up: usize, dgate: usize, dup: usize, n: i32): void {
  each(Kind.SiluGateGrad, n, dy, gate, up, dgate, dup);
}

/** y = x/2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) for n elements. */
export function geluTanh(x: usize, y: usize, n: i32): void {
  each(Kind.GeluTanh, n, x, y);
}

/** dx = dy s (1 + x c (1 + 3 0.044715 x^2) (1 - s)), where s and c are those of the gate, for n elements. */
export function geluTanhGrad(dy: usize, x: usize, dx: usize, n: i32): void {
  each(Kind.GeluTanhGrad, n, dy, x, dx);
}
