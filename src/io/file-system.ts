/**
 * What Weft asks of a file system. `#fs` is Node's implementation, or in browsers one that says what is missing.
 */
import type { Result } from '../problem.js';
import type { ByteSource } from './byte-source.js';
import type { Lanes } from './merge/unit.js';

/** What lies at a path; links are followed. */
export interface FileStat {
  readonly kind: 'file' | 'folder' | 'other' | 'missing';
  /** Bytes of a file, 0 otherwise. */
  readonly size: number;
}

/** A new file that grows at its end, through a buffer of 1 MiB. */
export interface FileWriter {
  readonly path: string;
  /** Appends; the bytes are no longer needed when the promise is fulfilled. */
  readonly write: (bytes: Uint8Array) => Promise<Result<void>>;
  /** Writes what is buffered, makes it durable and closes; gives the file's length. Later calls change nothing. */
  readonly close: () => Promise<Result<number>>;
}

/** A new file whose parts are written in any order, by any thread of the process. */
export interface PlacedFile {
  readonly path: string;
  /** The number of the open file. */
  readonly descriptor: number;
  /** Writes all bytes at a position. */
  readonly write: (bytes: Uint8Array, position: number) => Promise<Result<void>>;
  /** Makes what is written durable. */
  readonly flush: () => Promise<Result<void>>;
  /** Makes the file durable and closes it. Later calls change nothing. */
  readonly close: () => Promise<Result<void>>;
}

/** A folder in the making; names are plain file names. */
export interface Writer {
  /** Like `create`, for parts in any order; only where there are files. */
  readonly place?: (name: string) => Promise<Result<PlacedFile>>;
  /** Starts a file; it fails where the name exists. Files still open at the end are closed. */
  readonly create: (name: string) => Promise<Result<FileWriter>>;
  /** Writes a whole file; text in UTF-8. */
  readonly writeFile: (name: string, content: Uint8Array | string) => Promise<Result<void>>;
  /** Copies a file from elsewhere, as a clone where the file system can. */
  readonly copyFile: (from: string, name: string) => Promise<Result<void>>;
  /** Makes a folder in it. */
  readonly folder: (name: string) => Promise<Result<Writer>>;
}

/** The functions of `#fs`. */
export interface FileSystem {
  /** Opens a file for positioned reads. */
  readonly openFile: (path: string) => Promise<Result<ByteSource>>;
  /** Fills `into` from a position of a file, without giving way: for a little that is asked for in the middle of a computation. */
  readonly readNow: (path: string, position: number, into: Uint8Array) => Result<Uint8Array>;
  /** Text of a UTF-8 file of at most `limit` bytes (100 MB unless told). */
  readonly readText: (path: string, limit?: number) => Promise<Result<string>>;
  /** Names in a folder, sorted. */
  readonly listFolder: (path: string) => Promise<Result<ReadonlyArray<string>>>;
  /** What lies at a path; a missing file is an answer, not a problem. */
  readonly statFile: (path: string) => Promise<Result<FileStat>>;
  /**
   * Path of a file named by untrusted content: `name` must be a plain file name, and where it is a link its target must lie in
   * `folder` too, or in the blobs of the Hugging Face cache that holds `folder`. Whether the file exists is not asked.
   */
  readonly pathInside: (folder: string, name: string) => Promise<Result<string>>;
  /** Replaces a file as one step: a temporary file beside it, made durable, is renamed. On failure the old file stays. */
  readonly writeFileAtomic: (path: string, content: Uint8Array | string) => Promise<Result<void>>;
  /**
   * Makes a folder as one step: `write` fills a temporary folder beside `out`, which is made durable and renamed.
   *
   * `out` must be missing or an empty folder; missing parents are made. When `write` fails or throws nothing is left.
   *
   * @param durable whether it waits until the disk has all files, as it does unless told; without it, a crash of the system soon
   *   afterwards may leave some of them empty
   */
  readonly writeFolderAtomic: <A>(
    out: string,
    write: (folder: Writer) => Promise<Result<A>>,
    durable?: boolean,
  ) => Promise<Result<A>>;
  /** Copies a file, as a clone where the file system can; fails where the target exists. */
  readonly copyFile: (from: string, to: string) => Promise<Result<void>>;
  /**
   * Lanes for merging, `count` of them with this thread; undefined where there are no threads and files. A problem where they should merge
   * with fused multiply-adds and the engine has none.
   */
  readonly openLanes: (count: number, fma: boolean) => Promise<Result<Lanes | undefined>>;
}
