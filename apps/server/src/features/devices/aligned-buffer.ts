const page = 64 * 1024;

/** The types of Node know its namespace and not its values. */
interface PagedMemory {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
}
const { WebAssembly: paged } = globalThis as unknown as { readonly WebAssembly: PagedMemory };

/**
 * Memory that begins where a page does: without that the kernel refuses to read or write past its caches (O_DIRECT), and a plain
 * Buffer begins anywhere. The memory of WebAssembly is mapped by pages.
 */
export const alignedBuffer = (bytes: number): Buffer<ArrayBuffer> =>
  Buffer.from(new paged.Memory({ initial: Math.ceil(bytes / page) }).buffer, 0, bytes);
