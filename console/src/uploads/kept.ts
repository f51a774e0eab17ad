/**
 * This browser's copy of uploads and runs, so that they resume after a reload: one database for each owner, and only the present
 * owner's is left. A browser that keeps nothing, as in some private windows, has an empty one each time.
 */
const PREFIX = "darkroom:";
const OWNER = "darkroom.owner";
const STORES = ["uploads", "bytes", "runs"] as const;

export type StoreName = (typeof STORES)[number];

export type Kept = {
  all: <Value>(store: StoreName) => Promise<Value[]>;
  get: <Value>(store: StoreName, id: string) => Promise<Value | undefined>;
  /** Values have an `id`. */
  put: (store: StoreName, values: readonly { id: string }[]) => Promise<boolean>;
  delete: (store: StoreName, ids: readonly string[]) => Promise<boolean>;
  close: () => void;
};

const opened = new Map<string, Promise<Kept>>();

/** The database of an owner. Those of others are deleted. */
export function openKept(owner: string): Promise<Kept> {
  let found = opened.get(owner);
  if (!found) {
    found = dropAll(owner).then(() => connect(PREFIX + owner).then(kept, () => NOTHING));
    opened.set(owner, found);
  }
  return found;
}

/** Forget everything but what belongs to an owner; without one, everything. */
export async function dropAll(except?: string): Promise<void> {
  for (const [owner, database] of opened) {
    if (owner === except) continue;
    opened.delete(owner);
    (await database).close();
  }
  const last = localStorage.getItem(OWNER);
  // Not every browser can list its databases, so the last owner is stored separately.
  const listed = (await indexedDB.databases?.().catch(() => [])) ?? [];
  const names = new Set(listed.flatMap(({ name }) => (name?.startsWith(PREFIX) ? [name] : [])));
  if (last) names.add(PREFIX + last);
  if (except) {
    names.delete(PREFIX + except);
    localStorage.setItem(OWNER, except);
  } else {
    localStorage.removeItem(OWNER);
  }
  for (const name of names) indexedDB.deleteDatabase(name);
}

const NOTHING: Kept = {
  all: async () => [],
  get: async () => undefined,
  put: async () => false,
  delete: async () => false,
  close: () => {},
};

function connect(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      for (const store of STORES) request.result.createObjectStore(store, { keyPath: "id" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function kept(database: IDBDatabase): Kept {
  // Somebody has signed out in another tab, which deletes it.
  database.onversionchange = () => database.close();
  const write = (store: StoreName, change: (target: IDBObjectStore) => void) =>
    new Promise<boolean>((resolve) => {
      try {
        const transaction = database.transaction(store, "readwrite");
        transaction.oncomplete = () => resolve(true);
        transaction.onabort = () => resolve(false);
        change(transaction.objectStore(store));
      } catch {
        resolve(false);
      }
    });
  const read = <Value>(store: StoreName, ask: (target: IDBObjectStore) => IDBRequest, otherwise: Value) =>
    new Promise<Value>((resolve) => {
      try {
        const request = ask(database.transaction(store).objectStore(store));
        request.onsuccess = () => resolve(request.result as Value);
        request.onerror = () => resolve(otherwise);
      } catch {
        resolve(otherwise);
      }
    });
  return {
    all: <Value>(store: StoreName) => read<Value[]>(store, (target) => target.getAll(), []),
    get: <Value>(store: StoreName, id: string) => read<Value | undefined>(store, (target) => target.get(id), undefined),
    put: (store, values) =>
      write(store, (target) => {
        for (const value of values) target.put(value);
      }),
    delete: (store, ids) =>
      write(store, (target) => {
        for (const id of ids) target.delete(id);
      }),
    close: () => database.close(),
  };
}
