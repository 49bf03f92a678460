export default function Page() {
  return <p>shopper</p>;
}
