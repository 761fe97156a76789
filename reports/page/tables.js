
// Tables that can be searched, filtered and sorted. The incidents are rows of the page; the connections are
// data, of which the page holds the fifty that are looked at.
{
  const PAGE = 50;
  const number = new Intl.NumberFormat("en-US");

  const sortable = (table, sort) => {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = made("button", head.textContent, "sort");
      button.type = "button";
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const downwards = head.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", downwards ? "descending" : "ascending");
        sort(column, downwards ? -1 : 1);
      });
    });
  };

  const compare = (one, other) =>
    one !== "" && other !== "" && !isNaN(one) && !isNaN(other)
      ? one - other
      : String(one).localeCompare(String(other), "en", { numeric: true });

  const sorted = (rows, key, direction) =>
    rows.map((row, place) => [key(row), place, row])
      .sort((one, other) => direction * compare(one[0], other[0]) || one[1] - other[1])
      .map((entry) => entry[2]);

  // What a reader has asked for: every word of the search, and each chosen value in its column.
  const asked = (tools) => {
    const words = tools.querySelector(".search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = [...tools.querySelectorAll(".choose")]
      .filter((select) => select.value)
      .map((select) => [Number(select.dataset.column), select.value]);
    return (cells, text) =>
      words.every((word) => text.includes(word)) &&
      chosen.every(([column, value]) => cells[column].split(", ").includes(value));
  };

  const incidents = (tools, table) => {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => ({
      row,
      cells: [...row.cells].map((cell) => (cell.dataset.key && cell.cellIndex ? cell.dataset.key : cell.innerText.trim())),
      severity: row.cells[0].dataset.key,
      text: row.textContent.toLowerCase(),
    }));
    for (const each of rows) each.cells[0] = each.cells[0].split(" ").pop();
    const show = () => {
      const wanted = asked(tools);
      let count = 0;
      for (const each of rows) {
        each.row.hidden = !wanted(each.cells, each.text);
        count += !each.row.hidden;
      }
      tools.querySelector(".shown").textContent = `${number.format(count)} of ${number.format(rows.length)} shown`;
    };
    sortable(table, (column, direction) => {
      const key = column ? (each) => each.cells[column] : (each) => each.severity;
      body.append(...sorted(rows, key, direction).map((each) => each.row));
    });
    tools.addEventListener("input", show);
    show();
  };

  const connections = (tools, table, data) => {
    const all = data.map((cells) => ({ cells, text: "" }));
    const labels = [...table.tHead.rows[0].cells].map((head) => head.textContent);
    const [before, next] = document.querySelectorAll(".pages button");
    let order = all, found = all, page = 0;

    for (const select of tools.querySelectorAll(".choose")) {
      const column = Number(select.dataset.column);
      const values = new Set(data.flatMap((cells) => cells[column].split(", ")).filter(Boolean));
      for (const value of [...values].sort()) select.append(made("option", value));
    }

    const line = (each) => {
      const row = made("tr");
      labels.forEach((label, column) => {
        const cell = made("td", column ? each.cells[column] : undefined, column === 3 || column === 4 ? "number" : "");
        if (column) cell.dataset.label = label;
        row.append(cell);
      });
      const name = made("button", each.cells[0], "row-name");
      name.type = "button";
      name.setAttribute("aria-expanded", "false");
      name.addEventListener("click", () => toggle(row, name, each));
      row.cells[0].append(name);
      return row;
    };
    const toggle = (row, name, each) => {
      const open = name.getAttribute("aria-expanded") === "true";
      name.setAttribute("aria-expanded", String(!open));
      if (open) { row.nextElementSibling.remove(); return; }
      const more = made("tr", undefined, "more");
      const cell = made("td", each.cells[6] || "Nothing was found wrong with it.");
      cell.colSpan = labels.length;
      more.append(cell);
      row.after(more);
    };
    const draw = () => {
      const first = page * PAGE, shown = found.slice(first, first + PAGE);
      table.tBodies[0].replaceChildren(...shown.map(line));
      before.disabled = page === 0;
      next.disabled = first + PAGE >= found.length;
      before.parentElement.hidden = all.length <= PAGE;
      const span = found.length ? `${number.format(first + 1)} to ${number.format(first + shown.length)}` : "none";
      tools.querySelector(".shown").textContent =
        `${span} of ${number.format(found.length)}` +
        (found.length < all.length ? ` found, ${number.format(all.length)} in all` : "");
    };
    const search = () => {
      const wanted = asked(tools);
      for (const each of all) each.text ||= each.cells.join(" ").toLowerCase();
      found = order.filter((each) => wanted(each.cells, each.text));
      page = 0;
      draw();
    };
    sortable(table, (column, direction) => {
      order = sorted(all, (each) => each.cells[column], direction);
      search();
    });
    tools.addEventListener("input", search);
    before.addEventListener("click", () => { page -= 1; draw(); });
    next.addEventListener("click", () => { page += 1; draw(); });
    draw();
  };

  for (const tools of document.querySelectorAll(".tools")) {
    const table = document.getElementById(tools.dataset.for);
    const data = tools.dataset.for === "connection-list" && document.getElementById("connection-rows");
    if (data) connections(tools, table, JSON.parse(data.textContent));
    else incidents(tools, table);
  }
}
