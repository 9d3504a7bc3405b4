import { z } from 'zod';

/** For other programs: one archive with the disks and a description. */
export const vmExportBody = z.strictObject({
  /** OVA: VirtualBox, VMware. libvirt: domain XML. kubevirt: a manifest. */
  form: z.enum(['ova', 'libvirt', 'kubevirt']),
});
export type VmExport = z.infer<typeof vmExportBody>;
