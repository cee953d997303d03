import { BronzeError, type BronzeErrorCode } from "../errors.ts";

/** Says what a failed system call means for someone who publishes partitions. */
export function fsError(error: unknown, action: string, path: string): BronzeError {
  if (error instanceof BronzeError) return error;
  const [code, why] = meaningOf(error);
  return new BronzeError(code, `Cannot ${action} "${path}": ${why}`, { key: path, cause: error });
}

function meaningOf(error: unknown): [BronzeErrorCode, string] {
  const { errors } = Deno;
  const message = error instanceof Error ? error.message : String(error);
  const name = (error as { code?: unknown }).code;
  if (error instanceof errors.NotCapable) return ["not_capable", message];
  if (name === "ENOSPC" || name === "EDQUOT") {
    return ["no_space", "the disk or the quota is full; free some space, then publish again"];
  }
  if (name === "EXDEV") {
    return [
      "invalid_config",
      "it is on another file system than the local directory, so nothing can be moved there in one step; make the local directory the mount itself",
    ];
  }
  if (error instanceof errors.NotADirectory || name === "ENOTDIR") {
    return ["invalid_config", "a part of the path is a file, not a directory"];
  }
  if (error instanceof errors.PermissionDenied || name === "EROFS") {
    return ["access_denied", `the operating system refuses it (${message})`];
  }
  if (error instanceof errors.NotFound) {
    return ["io", `it vanished while it was in use (${message})`];
  }
  return ["io", message];
}

/** Whether a link or a rename was refused because something is there already. */
export function isTaken(error: unknown): boolean {
  // The rename of a directory onto one that holds something: ENOTEMPTY, EEXIST on XFS.
  return error instanceof Deno.errors.AlreadyExists ||
    ["EEXIST", "ENOTEMPTY"].includes((error as { code?: string }).code ?? "");
}
