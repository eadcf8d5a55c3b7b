using System.Text;

namespace Qanat.Cli.Output;

/// <summary>Passes text on without the blanks at the ends of its lines. Blanks are held until the line goes on; not thread-safe, as any writer.</summary>
internal sealed class TrimmedLines(TextWriter inner) : TextWriter
{
    private int _blanks;

    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value)
    {
        if (value == ' ')
        {
            _blanks++;
            return;
        }
        if (value is not ('\r' or '\n'))
        {
            for (; _blanks > 0; _blanks--)
            {
                inner.Write(' ');
            }
        }
        _blanks = 0;
        inner.Write(value);
    }

    public override void Flush() => inner.Flush();
}
