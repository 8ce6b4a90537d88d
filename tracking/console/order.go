package console

import (
	"vaguemestre/gateway/store"
)

// order is one way to sort the follow-up.
type order struct {
	Name      string // in addresses
	Key       string // of what it sorts by, in the catalogue
	Ascending bool
	sort      store.FollowSort
}

// orders are the ways to sort the follow-up, each with its reverse after it; the first is the one that nobody has to ask for.
func orders() []order {
	return []order{
		{"", "date", false, store.ByDate}, {"ancien", "date", true, store.ByDate},
		{"statut", "status", true, store.ByState}, {"statut-inverse", "status", false, store.ByState},
		{"type", "type", true, store.ByType}, {"type-inverse", "type", false, store.ByType},
		{"objet", "subject", true, store.BySubject}, {"objet-inverse", "subject", false, store.BySubject},
		{"destinataire", "recipient", true, store.ByRecipient}, {"destinataire-inverse", "recipient", false, store.ByRecipient},
	}
}

// orderOf finds an order by its name; what is none is the first.
func orderOf(name string) order {
	for _, o := range orders() {
		if o.Name == name {
			return o
		}
	}
	return orders()[0]
}

// Said is the order's key in the catalogue.
func (o order) Said() string {
	if o.Ascending {
		return "order." + o.Key + "-up"
	}
	return "order." + o.Key + "-down"
}

// sorter is a link of a column's head.
type sorter struct {
	Key     string
	Address string
	Active  string // "ascending" or "descending" (ARIA 1.2, aria-sort); empty: the list is in another order
	Offers  string // the key of what following the link does
}

// Sorters are the links that sort by these, in the head of one column.
func (p followPage) Sorters(keys ...string) (links []sorter) {
	now := orderOf(p.Form.Order)
	for _, key := range keys {
		link := sorter{Key: key}
		var offered order
		for _, o := range orders() {
			if o.Key == key && (offered.Key == "" || o.Name != now.Name && key == now.Key) {
				offered = o
			}
		}
		if key == now.Key {
			link.Active = map[bool]string{true: "ascending", false: "descending"}[now.Ascending]
		}
		form := p.Form
		form.Order = offered.Name
		link.Address, link.Offers = p.Path+"?"+form.query(""), offered.Said()
		links = append(links, link)
	}
	return links
}
