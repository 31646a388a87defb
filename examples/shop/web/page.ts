export interface Item {
  id: string;
  name: string;
  cents: number;
}

export interface Order {
  number: number;
  item: string;
  quantity: number;
}

export interface Shop {
  greeting: string;
  items: Item[];
  orders: { count: number; recent: Order[] };
}

/** The shop as a page; its buttons place orders. */
export function page({ greeting, items, orders }: Shop): string {
  const rows = items.map(
    ({ id, name, cents }) =>
      `<tr><td>${escape(name)}</td><td>${(cents / 100).toFixed(2)} €</td><td><button value="${escape(id)}">Order</button></td></tr>`,
  );
  const recent = orders.recent.map(({ number, item, quantity }) => `<li>№ ${number}: ${quantity} × ${escape(item)}</li>`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Shop</title>
<style>
  body { font: 1rem/1.5 system-ui; max-width: 36rem; margin: 3rem auto; padding: 0 1rem }
  table { width: 100%; border-collapse: collapse }
  td { padding: .5rem 0; border-bottom: 1px solid #ddd }
  td:last-child { text-align: right }
</style>
<h1>${escape(greeting)}</h1>
<table>${rows.join("")}</table>
<p>${orders.count} orders so far.</p>
<ul>${recent.join("")}</ul>
<script>
  document.querySelector("table").addEventListener("click", async ({ target }) => {
    if (!target.value) return;
    await fetch("/orders", { method: "POST", body: JSON.stringify({ item: target.value }) });
    location.reload();
  });
</script>
</html>
`;
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
