"""Why a mail got the verdict it got. What each rule is, for people: docs/operations.md, "Which mails are answered"."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a mail is answered or not, or only with a warning; `sentence` says it to people."""

    REQUEST = "request"
    NO_REQUEST = "no_request"
    WRONG_CODE = "wrong_code"
    # no answer: it is no person's, or may start a loop
    OWN_MAIL = "own_mail"
    AUTOMATIC = "automatic"
    BULK = "bulk"
    MAILING_LIST = "mailing_list"
    BOUNCE = "bounce"
    NOBODY = "nobody"
    # no answer: nobody who may ask, or nothing to say
    STRANGER = "stranger"
    TOO_OLD = "too_old"
    THANKS = "thanks"
    TOO_MANY_REFUSALS = "too_many_refusals"
    TOO_MANY_CODES = "too_many_codes"
    # put aside: who sent it cannot be told
    HEADER_TOO_LONG = "header_too_long"
    NO_FROM = "no_from"
    SEVERAL_FROM = "several_from"
    ODD_FROM = "odd_from"
    UNDECIDABLE = "undecidable"
    # put aside, or taken with a warning: nobody vouches for who sent it
    NO_AUTHSERV_ID = "no_authserv_id"
    REPEATED_FIELDS = "repeated_fields"
    ODD_RESULT = "odd_result"
    NO_RESULT = "no_result"
    DMARC_NOT_PASSED = "dmarc_not_passed"
    OTHER_DOMAIN = "other_domain"
    ODD_DATE = "odd_date"
    OTHER_TIME = "other_time"
    REPLAYED = "replayed"

    @property
    def sentence(self) -> str:
        """What was found, and what to do where something can be done."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.REQUEST: "it asks for recordings",
    Reason.NO_REQUEST: "it asks for nothing in particular",
    Reason.WRONG_CODE: "the code in brackets is not that of its sender's tenant",
    Reason.OWN_MAIL: "it comes from voipmon itself",
    Reason.AUTOMATIC: "a program sent it, such as an absence notice (Auto-Submitted, X-Auto-Response-Suppress)",
    Reason.BULK: "it is bulk mail (Precedence)",
    Reason.MAILING_LIST: "it comes from a mailing list (List-Id and its like)",
    Reason.BOUNCE: "it reports on another mail (its Return-Path is empty, or it is a multipart/report)",
    Reason.NOBODY: "nobody reads what is sent to its sender's address",
    Reason.STRANGER: "its sender may not ask: see access.whitelist and the tenants",
    Reason.TOO_OLD: "it had been in the mailbox for more than 14 days when it was read",
    Reason.THANKS: "it answers one of voipmon's own mails and asks for nothing new",
    Reason.TOO_MANY_REFUSALS: "it cannot be done as asked, and its sender had five such replies in the hour before",
    Reason.TOO_MANY_CODES: "it needs a code, and ten wrong ones came from its sender in 24 hours",
    Reason.HEADER_TOO_LONG: "its header is longer than 64 KiB",
    Reason.NO_FROM: "it has no From field",
    Reason.SEVERAL_FROM: "it has more than one From field",
    Reason.ODD_FROM: "its From field is not exactly one ordinary address",
    Reason.UNDECIDABLE: "voipmon failed over it in three passes: the log says how (message_failed)",
    Reason.NO_AUTHSERV_ID: (
        "nobody says who sent it: name the server that checks DMARC for this mailbox in access.authserv_id, "
        'or set access.verify_sender to "warn" or "off"'
    ),
    Reason.REPEATED_FIELDS: "it has a second Subject, Date or Message-ID, which no signature covers",
    Reason.ODD_RESULT: "an Authentication-Results field of the server named in access.authserv_id cannot be read",
    Reason.NO_RESULT: "the server named in access.authserv_id wrote no DMARC result on it",
    Reason.DMARC_NOT_PASSED: "it did not pass DMARC: its sender may be forged",
    Reason.OTHER_DOMAIN: "it passed DMARC for another domain than that of its From field",
    Reason.ODD_DATE: "it has no Date that can be read, so that an old mail sent again could not be told",
    Reason.OTHER_TIME: (
        "its Date is more than 14 days before it arrived, or more than a day after: "
        "an old mail sent again, or a computer whose clock is wrong"
    ),
    Reason.REPLAYED: "it is the copy of a mail that came more than a day earlier and has its verdict",
}
