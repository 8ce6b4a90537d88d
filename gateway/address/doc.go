// Package address is the grammar by which agents say what they want from any mail client:
// addresses of the gateway's own domain, header fields, a tag in the subject, and what mail
// clients already have (a requested receipt, a reply-by date).
//
//	[register.]reference[+word]*@domain
//	testesr2020+rejet@…                  the consultation and the type
//	retraits.testesr2020+question@…      every company of that register too
//	testesr2020+e-acme@…                 one company of the registers
//	[TESTESR2020 rejet sansreponse] …    the same in the subject
//	Vaguemestre-Consultation: …          the same for programs
//
// Words: a courier type; ar, simple; reponse, sansreponse; limite-20210320-1200 or
// limite-20210320 (until 23:59), in the consultation's zone; scelle, nonscelle; brouillon, essai, modele; e-company.
//
// It promises that nothing is guessed: what is not understood is refused with the nearest
// words that would be, and what was understood can be written again (parse ∘ format is the
// identity). Everything is without case and without accents. It is pure: it knows the courier
// types and the domain, asks nobody, keeps nothing; a crash leaves nothing.
//
// Failures are permanent *gateway.Fault with a sentence of the catalogue.
package address
