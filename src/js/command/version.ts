declare const PACKAGE_VERSION: string;

/** The version of the package. The build puts it in. */
export const VERSION: string = PACKAGE_VERSION;
