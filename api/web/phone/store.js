// The phone's storage, in IndexedDB: keys, accounts, and the last decisions. Keys are kept as the browser's own
// objects, whose bytes no script can read.

import { tellChanged } from "./tabs.js";

/** @import { DeviceKey } from "./keys.js" */
/** @import { Brand } from "../shared/brand.js" */
/** @typedef {{ id: string, tenant: string, user: string, brand: Brand, addedAt: number }} Account */
/**
 * @typedef {{ at: number, tenant: string, brand: string, user: string, action: string, detail: string,
 *   outcome: string }} Decided
 */

const NAME = "countersign phone";
const HISTORY_MAX = 30;
/** Milliseconds for opening: some browsers say neither yes nor no. */
const OPEN_MS_MAX = 8000;

/** @type {Promise<IDBDatabase> | undefined} */
let opened;

/** @returns {Promise<IDBDatabase>} */
function database() {
  opened ??= new Promise((resolve, reject) => {
    setTimeout(() => reject(new DOMException("the storage does not answer", "TimeoutError")), OPEN_MS_MAX);
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("keys", { keyPath: "tenant" });
      request.result.createObjectStore("accounts", { keyPath: "id" });
      request.result.createObjectStore("history", { autoIncrement: true });
    };
    request.onsuccess = () => {
      // Deleted by the person meanwhile: it is opened anew, empty, by the next call.
      request.result.onversionchange = () => {
        request.result.close();
        opened = undefined;
      };
      request.result.onclose = () => (opened = undefined);
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  });
  opened.catch(() => (opened = undefined));
  return opened;
}

/**
 * One transaction, which is over when it has been recorded.
 * @template T
 * @param {string} store
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} use
 * @returns {Promise<T>}
 */
async function transact(store, mode, use) {
  const transaction = (await database()).transaction(store, mode, { durability: "strict" });
  const request = use(transaction.objectStore(store));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

/** @returns {Promise<DeviceKey[]>} */
export const keys = () => transact("keys", "readonly", (store) => store.getAll());

/** @param {string} tenant @returns {Promise<DeviceKey | undefined>} */
export const keyOf = (tenant) => transact("keys", "readonly", (store) => store.get(tenant));

/** @param {DeviceKey} key */
export const keepKey = (key) => transact("keys", "readwrite", (store) => store.put(key));

/** @returns {Promise<Account[]>} */
export const accounts = () => transact("accounts", "readonly", (store) => store.getAll());

/** @param {Account} account */
export async function keepAccount(account) {
  await transact("accounts", "readwrite", (store) => store.put(account));
  tellChanged();
}

/** Forgets a tenant's key and accounts. @param {string} tenant */
export async function forgetTenant(tenant) {
  for (const account of await accounts()) {
    if (account.tenant === tenant) await transact("accounts", "readwrite", (store) => store.delete(account.id));
  }
  await transact("keys", "readwrite", (store) => store.delete(tenant));
  tellChanged();
}

/** The last decisions, newest first. @returns {Promise<Decided[]>} */
export async function history() {
  return (await transact("history", "readonly", (store) => store.getAll())).reverse();
}

/** @param {Decided} decided */
export async function keepDecision(decided) {
  await transact("history", "readwrite", (store) => store.add(decided));
  const known = await transact("history", "readonly", (store) => store.getAllKeys());
  for (const key of known.slice(0, -HISTORY_MAX)) {
    await transact("history", "readwrite", (store) => store.delete(key));
  }
}
