/**
 * Errors of the operating system as problems.
 */
import { E } from '../../fp.js';
import { fail, type Result } from '../../problem.js';

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: 'check the path',
  EACCES: 'check the permissions',
  EPERM: 'check the permissions',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EMFILE: 'too many files are open; raise the limit of open files',
  EEXIST: 'it exists already',
  ENOTEMPTY: 'choose a new or an empty folder',
};

/** Whether an error came from the operating system, and is not a mistake of the program. */
export const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';

/** The problem that a system error is. */
export const systemProblem = (at: string, expected: string, error: NodeJS.ErrnoException): Result<never> =>
  fail(at, expected, error.code ?? error.message, HINTS[error.code ?? ''] ?? error.message);

/** The problem that an error of the operating system is; any other error is thrown on. */
const problemOf = (at: string, expected: string, error: unknown): Result<never> => {
  if (!isSystemError(error)) throw error;
  return systemProblem(at, expected, error);
};

/** Runs an action of the file system; its errors become a problem, any other error is thrown on. */
export const attempt = async <A>(at: string, expected: string, action: () => Promise<A>): Promise<Result<A>> => {
  try {
    return E.right(await action());
  } catch (error) {
    return problemOf(at, expected, error);
  }
};

/** The same for an action that does not wait. */
export const attemptNow = <A>(at: string, expected: string, action: () => A): Result<A> => {
  try {
    return E.right(action());
  } catch (error) {
    return problemOf(at, expected, error);
  }
};
