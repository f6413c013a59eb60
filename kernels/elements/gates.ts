/**
 * Activations that are gates: x sigmoid(c(x)), and their slopes.
 */
import { exp, save, take } from './vectors';

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
  return f32x4.mul(s, f32x4.add(one, f32x4.mul(x, f32x4.sub(one, s))));
}

// @inline
function siluAt(whole: bool, x: usize, y: usize): void {
  save(whole, y, siluOf(take(whole, x)));
}

/** y = x sigmoid(x) for n elements. */
export function silu(x: usize, y: usize, n: i32): void {
  const bytes: usize = 4 * (n as usize);
  let at: usize = 0;
  for (; at + 64 <= bytes; at += 64) {
    siluAt(true, x + at, y + at);
    siluAt(true, x + at + 16, y + at + 16);
    siluAt(true, x + at + 32, y + at + 32);
    siluAt(true, x + at + 48, y + at + 48);
  }
  for (; at + 16 <= bytes; at += 16) siluAt(true, x + at, y + at);
  for (; at < bytes; at += 4) siluAt(false, x + at, y + at);
}

// @inline
function siluGradAt(whole: bool, dy: usize, x: usize, dx: usize): void {
  const v = take(whole, x);
  save(whole, dx, f32x4.mul(take(whole, dy), siluSlope(v, sigmoid(v))));
}

/** dx = dy s (1 + x (1 - s)), s = sigmoid(x), for n elements. */
export function siluGrad(dy: usize, x: usize, dx: usize, n: i32): void {
  const bytes: usize = 4 * (n as usize);
  let at: usize = 0;
  for (; at + 64 <= bytes; at += 64) {
    siluGradAt(true, dy + at, x + at, dx + at);
    siluGradAt(true, dy + at + 16, x + at + 16, dx + at + 16);
    siluGradAt(true, dy + at + 32, x + at + 32, dx + at + 32);
    siluGradAt(true, dy + at + 48, x + at + 48, dx + at + 48);
  }
  for (; at + 16 <= bytes; at += 16) siluGradAt(true, dy + at, x + at, dx + at);
  for (; at < bytes; at += 4) siluGradAt(false, dy + at, x + at, dx + at);
}

// @inline
function siluGateAt(whole: bool, gate: usize, up: usize, y: usize): void {
  save(whole, y, f32x4.mul(siluOf(take(whole, gate)), take(whole, up)));
}

/** y = gate sigmoid(gate) up for n elements. */
export function siluGate(gate: usize, up: usize, y: usize, n: i32): void {
  const bytes: usize = 4 * (n as usize);
  let at: usize = 0;
  for (; at + 64 <= bytes; at += 64) {
    siluGateAt(true, gate + at, up + at, y + at);
    siluGateAt(true, gate + at + 16, up + at + 16, y + at + 16);
    siluGateAt(true, gate + at + 32, up + at + 32, y + at + 32);
    siluGateAt(true, gate + at + 48, up + at + 48, y + at + 48);
  }
  for (; at + 16 <= bytes; at += 16) siluGateAt(true, gate + at, up + at, y + at);
  for (; at < bytes; at += 4) siluGateAt(false, gate + at, up + at, y + at);
}

// @inline
function siluGateGradAt(whole: bool, dy: usize, gate: usize, up: usize, dgate: usize, dup: usize): void {
  const v = take(whole, gate);
  const d = take(whole, dy);
  const s = sigmoid(v);
  save(whole, dgate, f32x4.mul(f32x4.mul(d, take(whole, up)), siluSlope(v, s)));
  save(whole, dup, f32x4.mul(d, f32x4.mul(v, s)));
}

/** dgate = dy up silu'(gate) and dup = dy silu(gate) for n elements. */
export function siluGateGrad(dy: usize, gate: usize, up: usize, dgate: usize, dup: usize, n: i32): void {
  const bytes: usize = 4 * (n as usize);
  let at: usize = 0;
  for (; at + 64 <= bytes; at += 64) {
    siluGateGradAt(true, dy + at, gate + at, up + at, dgate + at, dup + at);
    siluGateGradAt(true, dy + at + 16, gate + at + 16, up + at + 16, dgate + at + 16, dup + at + 16);
    siluGateGradAt(true, dy + at + 32, gate + at + 32, up + at + 32, dgate + at + 32, dup + at + 32);
    siluGateGradAt(true, dy + at + 48, gate + at + 48, up + at + 48, dgate + at + 48, dup + at + 48);
  }
  for (; at + 16 <= bytes; at += 16) siluGateGradAt(true, dy + at, gate + at, up + at, dgate + at, dup + at);
  for (; at < bytes; at += 4) siluGateGradAt(false, dy + at, gate + at, up + at, dgate + at, dup + at);
}

/** 2 sqrt(2 / pi). */
const SLOPE: f32 = 1.5957691216057308;

/** The factor of x^3 in the argument of GELU's tanh. */
const CUBE: f32 = 0.044715;

/** sigmoid(c (x + 0.044715 x^3)), c = 2 sqrt(2 / pi). */
// @inline
function gate(x: v128, square: v128): v128 {
  const inner = f32x4.mul(x, f32x4.add(f32x4.mul(square, f32x4.splat(CUBE)), f32x4.splat(1)));
  return sigmoid(f32x4.mul(inner, f32x4.splat(SLOPE)));
}

// @inline
function geluTanhAt(whole: bool, x: usize, y: usize): void {
  const v = take(whole, x);
  save(whole, y, f32x4.mul(v, gate(v, f32x4.mul(v, v))));
}

/** y = x/2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) for n elements. */
export function geluTanh(x: usize, y: usize, n: i32): void {
  const bytes: usize = 4 * (n as usize);
  let at: usize = 0;
  for (; at + 64 <= bytes; at += 64) {
    geluTanhAt(true, x + at, y + at);
    geluTanhAt(true, x + at + 16, y + at + 16);
    geluTanhAt(true, x + at + 32, y + at + 32);
    geluTanhAt(true, x + at + 48, y + at + 48);
  }
  for (; at + 16 <= bytes; at += 16) geluTanhAt(true, x + at, y + at);
  for (; at < bytes; at += 4) geluTanhAt(false, x + at, y + at);
}

// @inline
function geluTanhGradAt(whole: bool, dy: usize, x: usize, dx: usize): void {
  const v = take(whole, x);
  const square = f32x4.mul(v, v);
  const one = f32x4.splat(1);
  const s = gate(v, square);
  const inner = f32x4.add(f32x4.mul(square, f32x4.splat(3 * CUBE)), one);
  const steep = f32x4.mul(f32x4.mul(v, f32x4.mul(inner, f32x4.splat(SLOPE))), f32x4.sub(one, s));
  save(whole, dx, f32x4.mul(take(whole, dy), f32x4.mul(s, f32x4.add(one, steep))));
}

/** dx = dy s (1 + x c (1 + 3 0.044715 x^2) (1 - s)), where s and c are those of the gate, for n elements. */
export function geluTanhGrad(dy: usize, x: usize, dx: usize, n: i32): void {
  const bytes: usize = 4 * (n as usize);
  let at: usize = 0;
  for (; at + 64 <= bytes; at += 64) {
    geluTanhGradAt(true, dy + at, x + at, dx + at);
    geluTanhGradAt(true, dy + at + 16, x + at + 16, dx + at + 16);
    geluTanhGradAt(true, dy + at + 32, x + at + 32, dx + at + 32);
    geluTanhGradAt(true, dy + at + 48, x + at + 48, dx + at + 48);
  }
  for (; at + 16 <= bytes; at += 16) geluTanhGradAt(true, dy + at, x + at, dx + at);
  for (; at < bytes; at += 4) geluTanhGradAt(false, dy + at, x + at, dx + at);
}
