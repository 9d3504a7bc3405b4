const item = (id: number, type: number, body: string): string =>
  `<Item><rasd:InstanceID>${id}</rasd:InstanceID><rasd:ResourceType>${type}</rasd:ResourceType>${body}</Item>`;

/** A description as other programs export it, with a little of everything. */
export const ovfText = ({
  disk = 'disk1.vmdk',
  controller = '<rasd:ResourceType>20</rasd:ResourceType><rasd:ResourceSubType>AHCI</rasd:ResourceSubType>',
  extra = '',
  file = '',
} = {}): string => `<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">
  <References><File ovf:href="${disk}" ovf:id="file1" ${file}/></References>
  <DiskSection><Info>disks</Info>
    <Disk ovf:capacity="8" ovf:capacityAllocationUnits="byte * 2^20" ovf:diskId="vmdisk1" ovf:fileRef="file1"/>
    <Disk ovf:capacity="4" ovf:capacityAllocationUnits="byte * 2^30" ovf:diskId="vmdisk2"/>
  </DiskSection>
  <NetworkSection><Info>networks</Info><Network ovf:name="NAT"/></NetworkSection>
  <VirtualSystem ovf:id="web">
    <Info>A VM</Info><Name>web</Name>
    <OperatingSystemSection ovf:id="94"><Info/><Description>Debian 12</Description></OperatingSystemSection>
    <AnnotationSection><Info/><Annotation>Made for tests &amp; more</Annotation></AnnotationSection>
    <ProductSection><Info/></ProductSection>
    <VirtualHardwareSection><Info/>
      ${item(1, 3, '<rasd:VirtualQuantity>2</rasd:VirtualQuantity>')}
      ${item(2, 4, '<rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:VirtualQuantity>2048</rasd:VirtualQuantity>')}
      <Item><rasd:InstanceID>3</rasd:InstanceID>${controller}<rasd:Address>0</rasd:Address></Item>
      ${item(4, 6, '<rasd:ResourceSubType>lsilogic</rasd:ResourceSubType><rasd:ElementName>SCSI</rasd:ElementName>')}
      ${item(5, 17, '<rasd:HostResource>ovf:/disk/vmdisk1</rasd:HostResource><rasd:Parent>3</rasd:Parent><rasd:AddressOnParent>0</rasd:AddressOnParent>')}
      ${item(6, 17, '<rasd:HostResource>/disk/vmdisk2</rasd:HostResource><rasd:Parent>4</rasd:Parent><rasd:AddressOnParent>1</rasd:AddressOnParent>')}
      ${item(7, 15, '<rasd:Parent>8</rasd:Parent><rasd:AddressOnParent>2</rasd:AddressOnParent>')}
      ${item(8, 5, '')}
      ${item(9, 10, '<rasd:ResourceSubType>E1000</rasd:ResourceSubType><rasd:Connection>NAT</rasd:Connection><rasd:Address>080027aabbcc</rasd:Address>')}
      ${item(10, 10, '<rasd:ResourceSubType>VmxNet3</rasd:ResourceSubType><rasd:Connection>Intranet</rasd:Connection>')}
      ${item(11, 35, '<rasd:ElementName>Sound card</rasd:ElementName>')}
      ${extra}
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
`;
