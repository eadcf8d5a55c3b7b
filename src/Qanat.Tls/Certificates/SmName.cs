using System.Formats.Asn1;
using System.Text;

namespace Qanat.Tls.Certificates;

/// <summary>A distinguished name (RFC 5280 section 4.1.2.4). Two names are equal when their bytes are, as every common validator compares them. Immutable.</summary>
public sealed class SmName : IEquatable<SmName>
{
    private const string CommonNameOid = "2.5.4.3";
    private const string CountryOid = "2.5.4.6";
    private const string OrganizationOid = "2.5.4.10";
    private const string UnitOid = "2.5.4.11";
    private const int MaxShownChars = 200;

    private readonly byte[] _der;
    private readonly string _text;

    private SmName(byte[] der, string text, string? commonName, int attributes) => (_der, _text, CommonName, IsEmpty) = (der, text, commonName, attributes == 0);

    /// <summary>The name in DER.</summary>
    public ReadOnlyMemory<byte> RawData => _der;

    /// <summary>The last common name in it, if any.</summary>
    public string? CommonName { get; }

    /// <summary>True for a name without any attribute.</summary>
    public bool IsEmpty { get; }

    /// <summary>Makes a name of at most four attributes, in the order country, organization, unit, common name.</summary>
    /// <param name="commonName">CN, 1 to 64 characters.</param>
    /// <param name="organization">O, up to 64 characters; left out when null.</param>
    /// <param name="organizationalUnit">OU, up to 64 characters; left out when null.</param>
    /// <param name="country">C, two letters; left out when null.</param>
    /// <exception cref="ArgumentException">A value outside its bounds (RFC 5280 appendix A.1).</exception>
    public static SmName Create(string commonName, string? organization = null, string? organizationalUnit = null, string? country = null)
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            if (country is not null)
            {
                if (country.Length != 2 || !country.All(char.IsAsciiLetter))
                {
                    throw new ArgumentException($"country '{Shown(country)}' is not two letters, as in CN", nameof(country));
                }
                Write(writer, CountryOid, country.ToUpperInvariant(), UniversalTagNumber.PrintableString);
            }
            Add(writer, OrganizationOid, organization, nameof(organization));
            Add(writer, UnitOid, organizationalUnit, nameof(organizationalUnit));
            ArgumentNullException.ThrowIfNull(commonName);
            Add(writer, CommonNameOid, commonName, nameof(commonName));
        }
        return Read(new AsnReader(writer.Encode(), AsnEncodingRules.DER));
    }

    /// <summary>Reads a name in strict DER.</summary>
    /// <exception cref="SmCertificateException">Not a name.</exception>
    public static SmName Parse(ReadOnlyMemory<byte> der) => SmDer.Read("Name", der, Read);

    /// <inheritdoc/>
    public bool Equals(SmName? other) => other is not null && _der.AsSpan().SequenceEqual(other._der);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SmName);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(_der);
        return hash.ToHashCode();
    }

    /// <summary>As people read it, <c>CN=server, O=GM, C=CN</c>, cut at 200 characters, without control characters. For messages, not for comparing.</summary>
    public override string ToString() => _text;

    internal static SmName Read(AsnReader reader)
    {
        byte[] der = reader.PeekEncodedValue().ToArray();
        AsnReader sequence = reader.ReadSequence();
        List<string> parts = [];
        string? commonName = null;
        while (sequence.HasData)
        {
            AsnReader set = sequence.ReadSetOf();
            if (!set.HasData)
            {
                throw SmDer.Malformed("a name has an empty RelativeDistinguishedName");
            }
            while (set.HasData)
            {
                AsnReader attribute = set.ReadSequence();
                string oid = attribute.ReadObjectIdentifier();
                string value = ReadValue(attribute);
                attribute.ThrowIfNotEmpty();
                commonName = oid == CommonNameOid ? value : commonName;
                parts.Add($"{ShortName(oid)}={value}");
            }
        }
        parts.Reverse();
        return new SmName(der, parts.Count == 0 ? "(no subject name)" : Shown(string.Join(", ", parts)), commonName, parts.Count);
    }

    private static string ReadValue(AsnReader attribute)
    {
        Asn1Tag tag = attribute.PeekTag();
        if (tag.TagClass == TagClass.Universal && (UniversalTagNumber)tag.TagValue is UniversalTagNumber.UTF8String or UniversalTagNumber.PrintableString
            or UniversalTagNumber.IA5String or UniversalTagNumber.BMPString or UniversalTagNumber.T61String or UniversalTagNumber.NumericString)
        {
            return attribute.ReadCharacterString((UniversalTagNumber)tag.TagValue);
        }
        return "#" + Convert.ToHexString(attribute.ReadEncodedValue().Span);
    }

    private static void Add(AsnWriter writer, string oid, string? value, string parameter)
    {
        if (value is null)
        {
            return;
        }
        if (value.Length is 0 or > 64 || value.Any(char.IsControl))
        {
            throw new ArgumentException($"{parameter} must have 1 to 64 characters and no control characters", parameter);
        }
        Write(writer, oid, value, UniversalTagNumber.UTF8String);
    }

    private static void Write(AsnWriter writer, string oid, string value, UniversalTagNumber type)
    {
        using (writer.PushSetOf())
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(oid);
            writer.WriteCharacterString(type, value);
        }
    }

    private static string ShortName(string oid) => oid switch
    {
        CommonNameOid => "CN",
        CountryOid => "C",
        OrganizationOid => "O",
        UnitOid => "OU",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "1.2.840.113549.1.9.1" => "E",
        _ => oid,
    };

    // Names are written by strangers and end up in logs and on terminals.
    private static string Shown(string text)
    {
        StringBuilder shown = new(Math.Min(text.Length, MaxShownChars));
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (shown.Length >= MaxShownChars)
            {
                return shown.Append("...").ToString();
            }
            bool isPlain = Rune.GetUnicodeCategory(rune) is not (System.Globalization.UnicodeCategory.Control or System.Globalization.UnicodeCategory.Format
                or System.Globalization.UnicodeCategory.LineSeparator or System.Globalization.UnicodeCategory.ParagraphSeparator);
            shown.Append(isPlain ? rune.ToString() : "?");
        }
        return shown.ToString();
    }
}
