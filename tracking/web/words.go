package web

import (
	"strconv"
	"strings"
	"time"

	"vaguemestre/gateway/catalog"
)

// Size is a number of bytes as the manual counts them: 1 Mo = 1,000,000.
func Size(lang string, n int64) string {
	units := [3]string{"octets", "ko", "Mo"}
	if lang == catalog.English {
		units = [3]string{"bytes", "kB", "MB"}
	}
	s, unit := strconv.FormatInt(n, 10), units[0]
	switch {
	case n == 1:
		unit = strings.TrimSuffix(unit, "s")
	case n >= 999_950: // what would round to a thousand
		s, unit = tenths(n, 1_000_000), units[2]
	case n >= 1000:
		s, unit = tenths(n, 1000), units[1]
	}
	if lang != catalog.English {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s + "\u00a0" + unit
}

// tenths is a number to a tenth, which is left out when it is none.
func tenths(n, unit int64) string {
	return strings.TrimSuffix(strconv.FormatFloat(float64(n)/float64(unit), 'f', 1, 64), ".0")
}

// Date is a moment in a zone, with its offset: what a proof would say. A nil zone is UTC.
func Date(lang string, at time.Time, in *time.Location) string {
	return Moment(lang, at, in) + at.In(zone(in)).Format(" (UTC-07:00)")
}

// Moment is a moment in a zone, to the minute.
func Moment(lang string, at time.Time, in *time.Location) string {
	if lang == catalog.English {
		return Day(lang, at, in) + at.In(zone(in)).Format(" at 15:04")
	}
	return Day(lang, at, in) + at.In(zone(in)).Format(" à 15:04")
}

// Local is a moment as the people of a zone write it: its offset is said where it is not the hour of Paris, which others would read.
func Local(lang string, at time.Time, in *time.Location) string {
	if zone(in).String() == "Europe/Paris" {
		return Moment(lang, at, in)
	}
	return Date(lang, at, in)
}

// Stamp is a moment in a zone to the second, short, for lists: 09/03/2021 - 11:50:19.
func Stamp(lang string, at time.Time, in *time.Location) string {
	if lang == catalog.English {
		return at.In(zone(in)).Format("2006-01-02 15:04:05")
	}
	return at.In(zone(in)).Format("02/01/2006 - 15:04:05")
}

// Day is the date of a moment in a zone.
func Day(lang string, at time.Time, in *time.Location) string {
	at = at.In(zone(in))
	if lang == catalog.English {
		return at.Format("2 January 2006")
	}
	months := [...]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}
	day := strconv.Itoa(at.Day())
	if at.Day() == 1 {
		day = "1er"
	}
	return day + " " + months[at.Month()-1] + " " + strconv.Itoa(at.Year())
}

func zone(in *time.Location) *time.Location {
	if in == nil {
		return time.UTC
	}
	return in
}
