"""Mails as big as ordinary ones: what providers add is most of them."""

from datetime import datetime
from email.utils import format_datetime

GMAIL = """\
Delivered-To: voip.audios@example.com
Received: by 2002:a05:6a10:1234:b0:1 with SMTP id a1csp123456; Tue, 11 Nov 2025 07:00:03 -0800 (PST)
X-Google-Smtp-Source: AGHT+{noise}
X-Received: by 2002:a05:6402:35cb:b0:640:1234 with SMTP id q11-20020a0564021234; Tue, 11 Nov 2025 07:00:02 -0800 (PST)
ARC-Seal: i=1; a=rsa-sha256; t=1762873202; cv=none; d=google.com; s=arc-20240605; b={noise}
ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=google.com; s=arc-20240605; b={noise}
ARC-Authentication-Results: i=1; mx.google.com; dkim=pass header.i=@company.example.com; dmarc=pass
Return-Path: <{sender}>
Received: from mail.company.example.com (mail.company.example.com. [192.0.2.1])
        by mx.google.com with ESMTPS id 4fb4d7f45d1cf-6416a5f1234si1234567a12.123.2025.11.11.07.00.02
        for <voip.audios@example.com>
        (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256);
        Tue, 11 Nov 2025 07:00:02 -0800 (PST)
Received-SPF: pass (google.com: domain of {sender} designates 192.0.2.1 as permitted sender) client-ip=192.0.2.1;
Authentication-Results: mx.google.com;
       dkim=pass header.i=@company.example.com header.s=20230601 header.b=Ab12Cd34;
       spf=pass (google.com: domain of {sender} designates 192.0.2.1 as permitted sender) smtp.mailfrom={sender};
       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=company.example.com
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=company.example.com; s=20230601; bh={noise}; b={noise}
Received: from [192.0.2.7] (unknown [192.0.2.7]) by mail.company.example.com (Postfix) with ESMTPSA id 4B1234;
        Tue, 11 Nov 2025 12:00:01 -0300 (-03)
From: Ana Maria da Silva <{sender}>
To: Audios <voip.audios@example.com>
Subject: RAMAIS=1121,1122,1123 INICIO=10/11/2025 08:00 FIM=10/11/2025 18:00
Date: {date}
Message-ID: <{number}.4B1234@mail.company.example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="000000000000a1b2c3"
User-Agent: Mozilla Thunderbird
Content-Language: pt-BR

{body}
"""


def ordinary(
    number: int, written: datetime, sender: str = "manager@company.example.com", body: str = "Please."
) -> bytes:
    """Return a request as people's mail programs and Gmail make it; *number* tells it from all others."""
    fields = {"sender": sender, "number": number, "date": format_datetime(written)}
    return GMAIL.format(**fields, noise="A1b2C3d4" * 44, body=body).replace("\n", "\r\n").encode()
