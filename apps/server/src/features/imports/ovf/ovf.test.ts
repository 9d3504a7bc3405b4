import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ovfText } from '../../../testing/ovf-text.ts';
import { readOvf, unitBytes } from './read-ovf.ts';
import { readXml, XmlFlaw } from './read-xml.ts';
import { vmOfOvf } from './vm-of-ovf.ts';

describe('the description of a VM', () => {
  it('becomes processors, memory, disks on their buses, drives and network cards', () => {
    const vm = vmOfOvf(readOvf(ovfText()), 'Imported');
    expect(vm.definition).toMatchObject({
      name: 'Imported',
      cpus: 2,
      memory: 2 * 1024 ** 3,
      firmware: 'bios',
      nics: [
        { mode: 'user', model: 'e1000', mac: '08:00:27:aa:bb:cc' },
        { mode: 'user', model: 'vmxnet3' },
      ],
    });
    expect(vm.definition.notes).toBe('System: Debian 12\nMade for tests & more');
    expect(vm.drives).toEqual(
      [
        { kind: 'disk', bus: 'sata', fileId: 'file1', size: null },
        { kind: 'disk', bus: 'scsi', fileId: null, size: 4 * 1024 ** 3 },
        { kind: 'cdrom', bus: 'ide', fileId: null, size: null },
      ].map((drive) => (drive.bus === 'ide' ? { ...drive, bus: 'sata' } : drive)),
    );
  });

  it('says what it could not be given', () => {
    expect(vmOfOvf(readOvf(ovfText()), 'x').notMapped).toEqual([
      'Its SCSI controller (lsilogic) becomes a virtio one, for which the guest needs a driver.',
      '“Sound card” (kind 35) has no counterpart.',
      'Sections that are not looked at: ProductSection.',
      'The network “Intranet” is not of this host: the card is connected by user networking (NAT).',
    ]);
  });

  it('keeps IDE disks by choosing the older chipset, and UEFI by choosing the newer', () => {
    const ide = ovfText({ controller: '<rasd:ResourceType>5</rasd:ResourceType>' });
    expect(vmOfOvf(readOvf(ide), 'x')).toMatchObject({
      definition: { machine: 'pc', firmware: 'bios' },
      drives: [{ bus: 'ide' }, {}, {}],
    });
    const uefi = vmOfOvf(
      readOvf(ovfText({ extra: '<vmw:Config vmw:key="firmware" vmw:value="efi"/>' })),
      'x',
    );
    expect(uefi.definition.firmware).toBe('uefi');
    expect(uefi.definition.machine).toBeUndefined();
  });

  it('counts memory in the units that programs write', () => {
    expect(['byte * 2^20', 'MegaBytes', 'GB', 'byte', ''].map(unitBytes)).toEqual([
      2 ** 20,
      2 ** 20,
      2 ** 30,
      1,
      1,
    ]);
    expect(unitBytes('pages')).toBeNull();
  });
});

describe('its XML', () => {
  it('is read without name spaces, with the five entities and numbers', () => {
    expect(
      readXml('<?xml version="1.0"?><!-- <x> --><a:b c:d="1 &lt; 2"><e>x&#65;<![CDATA[<y>]]></e><f/></a:b>'),
    ).toEqual({
      name: 'b',
      attributes: { d: '1 < 2' },
      text: '',
      children: [
        { name: 'e', attributes: {}, children: [], text: 'xA<y>' },
        { name: 'f', attributes: {}, children: [], text: '' },
      ],
    });
  });
  it.each([
    ['names a document type', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'],
    ['is not closed', '<a><b></a>'],
    ['has two roots', '<a/><b/>'],
    ['has none', 'text'],
    ['is too deep', '<a>'.repeat(100) + '</a>'.repeat(100)],
  ])('is refused when it %s', (_, text) => {
    expect(() => readXml(text)).toThrow(XmlFlaw);
  });
  it('ends quickly, whatever it is', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '</',
      '/>',
      '"',
      "'",
      '=',
      'a',
      ' ',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<?',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 2000 }), (pieces) => {
        try {
          readXml(pieces.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(XmlFlaw);
        }
      }),
      { numRuns: 300, seed: 5 },
    );
  });
});
