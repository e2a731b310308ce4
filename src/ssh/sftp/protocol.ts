/**
 * Numbers and names of the SSH file transfer protocol, version 3 (draft-ietf-secsh-filexfer-02), and of OpenSSH's
 * extensions (PROTOCOL section 4 of its sources; copy-data, home-directory: draft-ietf-secsh-filexfer-extensions-00).
 * @module
 */

/** The only version that is spoken, as by OpenSSH. */
export const SFTP_VERSION = 3;

/** Section 3. */
export const PacketType = {
  INIT: 1,
  VERSION: 2,
  OPEN: 3,
  CLOSE: 4,
  READ: 5,
  WRITE: 6,
  LSTAT: 7,
  FSTAT: 8,
  SETSTAT: 9,
  FSETSTAT: 10,
  OPENDIR: 11,
  READDIR: 12,
  REMOVE: 13,
  MKDIR: 14,
  RMDIR: 15,
  REALPATH: 16,
  STAT: 17,
  RENAME: 18,
  READLINK: 19,
  SYMLINK: 20,
  STATUS: 101,
  HANDLE: 102,
  DATA: 103,
  NAME: 104,
  ATTRS: 105,
  EXTENDED: 200,
  EXTENDED_REPLY: 201,
} as const;

/** Section 7. */
export const Status = {
  OK: 0,
  EOF: 1,
  NO_SUCH_FILE: 2,
  PERMISSION_DENIED: 3,
  FAILURE: 4,
  BAD_MESSAGE: 5,
  NO_CONNECTION: 6,
  CONNECTION_LOST: 7,
  OP_UNSUPPORTED: 8,
} as const;

/** Section 6.3: what a file is opened for. */
export const OpenFlag = { READ: 1, WRITE: 2, APPEND: 4, CREATE: 8, TRUNCATE: 16, EXCLUSIVE: 32 } as const;

/** The names of the extended requests, without the part after the `@` of OpenSSH's own. */
export const Extension = {
  posixRename: "posix-rename@openssh.com",
  statvfs: "statvfs@openssh.com",
  fstatvfs: "fstatvfs@openssh.com",
  hardlink: "hardlink@openssh.com",
  fsync: "fsync@openssh.com",
  lsetstat: "lsetstat@openssh.com",
  limits: "limits@openssh.com",
  expandPath: "expand-path@openssh.com",
  copyData: "copy-data",
  homeDirectory: "home-directory",
  usersGroupsById: "users-groups-by-id@openssh.com",
} as const;

/** The extensions with the versions that OpenSSH announces, in its order. */
export const EXTENSION_VERSIONS: readonly (readonly [name: string, version: string])[] = [
  [Extension.posixRename, "1"],
  [Extension.statvfs, "2"],
  [Extension.fstatvfs, "2"],
  [Extension.hardlink, "1"],
  [Extension.fsync, "1"],
  [Extension.lsetstat, "1"],
  [Extension.limits, "1"],
  [Extension.expandPath, "1"],
  [Extension.copyData, "1"],
  [Extension.homeDirectory, "1"],
  [Extension.usersGroupsById, "1"],
];

/** The largest packet, its length field not counted: OpenSSH's bound on both ends. */
export const MAX_PACKET = 256 * 1024;
/** The largest piece of data in one read or write, so that it fits a packet with its other fields. */
export const MAX_DATA = MAX_PACKET - 1024;
/** What a server without `limits@openssh.com` takes for certain (section 3 asks for packets of 34,000 bytes). */
export const SAFE_DATA = 32 * 1024;
