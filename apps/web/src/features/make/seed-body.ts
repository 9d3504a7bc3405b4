interface SeedTexts {
  userData: string;
  metaData: string;
  networkConfig: string;
}

/** A field that was left empty is one that was not given: cloud-init would take an empty file for an answer. */
export const seedBody = ({ userData, metaData, networkConfig }: SeedTexts) => ({
  // An empty line before its first one would hide what it is.
  userData: userData.trimStart(),
  ...(metaData.trim() === '' ? {} : { metaData }),
  ...(networkConfig.trim() === '' ? {} : { networkConfig }),
});
