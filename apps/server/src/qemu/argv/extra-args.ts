import { AppError } from '../../app-error.ts';

/**
 * The further options a person may give. Each with the whole shape of its value: nothing here can name a file, a
 * port, a process or a device that opens one (security.md §7, row 46).
 */
const allowed: Readonly<Record<string, RegExp | null>> = {
  '-cpu':
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,60}(,[+-]?[A-Za-z0-9_.-]{1,40}(=(on|off|[0-9]{1,10}|0x[0-9a-f]{1,8}|[A-Za-z0-9]{1,12}))?){0,40}$/,
  '-smp':
    /^([0-9]{1,3},)?(cpus|maxcpus|sockets|dies|clusters|cores|threads)=[0-9]{1,3}(,(cpus|maxcpus|sockets|dies|clusters|cores|threads)=[0-9]{1,3}){0,6}$/,
  '-rtc':
    /^(base=(utc|localtime|[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2})?)|clock=(host|rt|vm)|driftfix=(none|slew))(,(base=(utc|localtime)|clock=(host|rt|vm)|driftfix=(none|slew))){0,2}$/,
  '-k': /^[a-z]{2}(-[a-z]{2})?$/,
  '-icount': /^(auto|shift=(auto|[0-9]{1,2}))(,(align|sleep)=(on|off)){0,2}$/,
  '-smbios':
    /^type=(0|1|2|3)(,(vendor|version|date|release|manufacturer|product|serial|uuid|sku|family|asset)=[A-Za-z0-9 ._:/-]{1,60}){1,10}$/,
  '-action':
    /^(panic=(pause|shutdown|none|exit-failure)|reboot=(reset|shutdown)|watchdog=(reset|shutdown|poweroff|pause|inject-nmi|none|debug))$/,
  '-device': /^(usb-kbd|usb-mouse|pvpanic|i6300esb|virtio-balloon-pci|intel-hda|hda-duplex)$/,
  '-no-reboot': null,
  '-no-hpet': null,
  '-no-acpi': null,
};

const refuse = (argument: string, why: string): never => {
  const detail = `The option "${argument}" cannot be given: ${why} Allowed are ${Object.keys(allowed).join(', ')}, with plain values.`;
  throw new AppError('invalid-request', detail, { errors: [{ path: 'extraArgs', message: detail }] });
};

/** Throws `invalid-request` unless every option is of the short list and has a harmless value. */
export const checkExtraArgs = (args: readonly string[]): void => {
  let index = 0;
  while (index < args.length) {
    const option = args[index] ?? '';
    const shape = Object.hasOwn(allowed, option) ? allowed[option] : undefined;
    if (shape === undefined)
      refuse(option, 'it is not on the list of options that open no file, port or process.');
    index += 1;
    if (shape instanceof RegExp) {
      const value = args[index] ?? '';
      if (!shape.test(value)) refuse(`${option} ${value}`, 'its value is not of the allowed shape.');
      index += 1;
    }
  }
};
