/**
 * Names of files that come from untrusted content.
 */
import { E } from '../fp.js';
import { fail, type Result } from '../problem.js';

/**
 * A name that stays in its folder on every system: no separators, no `.` or `..`, no drive or stream (`:`), no NUL.
 */
export const plainName = (name: string, at: string): Result<string> =>
  name !== '' && name !== '.' && name !== '..' && !/[/\\:\0]/.test(name)
    ? E.right(name)
    : fail(at, 'a plain file name, without folders', JSON.stringify(name));
