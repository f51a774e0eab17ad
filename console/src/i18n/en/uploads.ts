export const uploads = {
  unknown: "Something went wrong.",
  offline: "The server cannot be reached. Uploads resume automatically.",
  signedOut: "Uploads resume after you sign in again.",
  slowed: "The server asked for fewer requests. Uploads resume automatically.",
  reasons: {
    empty: "The file is empty.",
    too_large: "The file is larger than 2 GiB.",
    unreadable: "The file was moved or changed. Drop it again to continue.",
    lost: "Drop this file again to resume the upload.",
    removed: "The file was removed.",
    file_needed: "This tool needs a second picture.",
    upload_missing: "The file is no longer on this page.",
    deleted: "The task was deleted.",
    unreachable: "The server cannot be reached.",
    nothing_to_pack: "There are no results to pack.",
  },
};
