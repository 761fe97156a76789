
// A segment of a timeline that is pointed at shows its fields; clicked, it gives a Wireshark filter.
// The fields are those of the table below the drawing. Arrow keys go from segment to segment.
{
  let tip = null;

  const fields = (table, row) => {
    const heads = [...table.tHead.rows[0].cells].map((head) => head.textContent);
    return heads.map((head, column) => [head, row.cells[column].textContent.trim()]).filter((pair) => pair[1]);
  };

  const filterOf = (row) => {
    const frame = row.cells[0].textContent.trim();
    return /^\d+$/.test(frame) ? `frame.number == ${frame}` : "";
  };

  const hide = () => { if (tip) tip.hidden = true; };

  const show = (group, table, row) => {
    if (!tip) {
      tip = made("div", undefined, "tip");
      document.body.append(tip);
    }
    const list = made("dl");
    for (const [head, value] of fields(table, row)) list.append(made("dt", head), made("dd", value));
    tip.replaceChildren(list);
    if (filterOf(row)) tip.append(made("p", `Click: copy ${filterOf(row)}`));
    tip.hidden = false;
    const box = group.querySelector(".hit").getBoundingClientRect();
    const room = document.documentElement.clientWidth - tip.offsetWidth - 12;
    const below = box.bottom + 6 + tip.offsetHeight < innerHeight;
    tip.style.left = `${scrollX + Math.max(12, Math.min(box.left + box.width * 0.55, room))}px`;
    tip.style.top = `${scrollY + (below ? box.bottom + 6 : Math.max(box.top - tip.offsetHeight - 6, 0))}px`;
  };

  const give = async (row) => {
    const filter = filterOf(row);
    if (!filter) return;
    tell(await copy(filter) ? `Copied: ${filter}` : filter);
  };

  const enliven = (figure) => {
    const drawing = figure.querySelector("svg.timeline"), table = figure.querySelector("table.segments");
    const groups = [...drawing.querySelectorAll("[data-row]")];
    drawing.setAttribute("role", "group");
    groups.forEach((group, place) => {
      const row = table.tBodies[0].rows[Number(group.dataset.row)];
      const words = fields(table, row).map((pair) => pair.join(" ")).join(", ");
      group.setAttribute("role", "button");
      group.setAttribute("aria-label", words);
      group.setAttribute("tabindex", place ? "-1" : "0");
      group.addEventListener("pointerenter", () => show(group, table, row));
      group.addEventListener("pointerleave", hide);
      group.addEventListener("focus", () => { if (group.matches(":focus-visible")) show(group, table, row); });
      group.addEventListener("blur", hide);
      group.addEventListener("click", () => give(row));
      group.addEventListener("keydown", (event) => {
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (event.key === "Escape") hide();
        else if (event.key === "Enter" || event.key === " ") give(row);
        else if (!step || !groups[place + step]) return;
        else {
          group.setAttribute("tabindex", "-1");
          groups[place + step].setAttribute("tabindex", "0");
          groups[place + step].focus();
        }
        event.preventDefault();
      });
    });
  };

  // A drawing comes to life when its connection is opened: most never are.
  for (const connection of document.querySelectorAll("details.connection")) {
    const figure = connection.querySelector("figure.ladder");
    if (!figure) continue;
    if (connection.open) enliven(figure);
    else connection.addEventListener("toggle", () => enliven(figure), { once: true });
  }
}
