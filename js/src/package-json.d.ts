declare module '*/package.json' {
  const content: { readonly name: string; readonly version: string };
  export default content;
}
